# shellcheck shell=bash
# Certificates. Two authorities, as K3s has them, so that a mix-up shows:
#   server-ca signs what servers show: the API server, the kubelets (--kubelet-certificate-authority)
#   client-ca signs what clients show: nodes, the admin, the API server when it calls a kubelet (--client-ca-file)

PKI=$VKS_CACHE/pki

# What the lab's own services and names are; nothing answers at the service address (there is no kube-proxy).
# shellcheck disable=SC2034 # read elsewhere
SERVICE_CIDR=10.96.0.0/16
# shellcheck disable=SC2034
APISERVER_SANS="DNS:localhost,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc"
APISERVER_SANS+=",DNS:kubernetes.default.svc.cluster.local,IP:127.0.0.1,IP:10.96.0.1"

pki_key() { # FILE
    openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1"
    chmod 600 "$1"
}

pki_authority() { # DIR NAME
    pki_key "$1/$2.key"
    openssl req -x509 -new -key "$1/$2.key" -days 365 -subj "/CN=vks-lab-$2" -out "$1/$2.crt" \
        -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign
}

# Makes OUT.key and OUT.crt.
pki_sign() { # CA(path without suffix) OUT(likewise) SUBJECT clientAuth|serverAuth [SANS]
    local ca=$1 out=$2 subject=$3 usage=$4 sans=${5:-}
    pki_key "$out.key"
    openssl req -new -key "$out.key" -subj "$subject" |
        openssl x509 -req -CA "$ca.crt" -CAkey "$ca.key" -days 365 -out "$out.crt" \
            -set_serial "0x$(openssl rand -hex 16)" -extfile <(
            echo "basicConstraints=critical,CA:FALSE"
            echo "keyUsage=critical,digitalSignature"
            echo "extendedKeyUsage=$usage"
            [[ -z $sans ]] || echo "subjectAltName=$sans"
        )
}

pki_make() { # DIR
    local dir=$1
    rm -rf -- "$dir"
    mkdir -p "$dir"
    chmod 700 "$dir"
    pki_authority "$dir" server-ca
    pki_authority "$dir" client-ca
    pki_sign "$dir/client-ca" "$dir/apiserver-kubelet" "/O=system:masters/CN=kube-apiserver-kubelet-client" clientAuth
    pki_sign "$dir/client-ca" "$dir/admin" "/O=system:masters/CN=vks-lab-admin" clientAuth
    pki_sign "$dir/client-ca" "$dir/controller-manager" "/CN=system:kube-controller-manager" clientAuth
    pki_sign "$dir/client-ca" "$dir/scheduler" "/CN=system:kube-scheduler" clientAuth
    # The API server as a proxy for other API servers (metrics-server, say); without it 1.20 complains every 10 seconds.
    pki_authority "$dir" proxy-ca
    pki_sign "$dir/proxy-ca" "$dir/proxy" "/CN=front-proxy-client" clientAuth
    pki_key "$dir/service-account.key"
    openssl pkey -in "$dir/service-account.key" -pubout -out "$dir/service-account.pub"
}

# All were made together, so the last one tells for all. Two days of validity must be left.
pki_valid() { openssl x509 -checkend 172800 -noout -in "$PKI/proxy.crt" >/dev/null 2>&1; }

pki_ready() {
    ! pki_valid || return 0
    # All labs have the same ones.
    lock "$VKS_CACHE/pki.lock"
    ! pki_valid || return 0
    # What runs has the old ones.
    ! daemon_alive apiserver || return 0
    pki_make "$PKI.new"
    publish "$PKI.new" "$PKI"
}

base64_of() { base64 -w 0 "$1"; }

# A kubeconfig with everything in it.
kubeconfig() { # SERVER SERVER_CA.crt CLIENT(path without suffix) USER
    cat <<EOF
apiVersion: v1
kind: Config
clusters:
- name: lab
  cluster:
    server: $1
    certificate-authority-data: $(base64_of "$2")
users:
- name: $4
  user:
    client-certificate-data: $(base64_of "$3.crt")
    client-key-data: $(base64_of "$3.key")
contexts:
- name: lab
  context:
    cluster: lab
    user: $4
current-context: lab
EOF
}
