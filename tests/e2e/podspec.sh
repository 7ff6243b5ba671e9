#!/bin/bash
# packaging/doc/podspec.md has each field of a pod's spec, and each answer in it that can be seen at once is what a pod gets.
# once: the table is about the current release; what the agent makes of a field no control plane changes
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
TABLE=$ROOT_DIR/packaging/doc/podspec.md
TMP=$(mktemp -d)
trap 'rm -rf "$TMP"' EXIT

# fields: of the API server's own description, as the table writes them
fields() {
    kubectl get --raw /openapi/v3/api/v1 | python3 -c '
import json, sys
schemas = json.load(sys.stdin)["components"]["schemas"]
own = [line.split("`")[1] for line in open(sys.argv[1]) if line.startswith("| `")]
def named(s):
    while "allOf" in s: s = s["allOf"][0]
    if s.get("type") == "array": return named(s["items"])
    return schemas.get(s.get("$ref", "").split("/")[-1], {}), False
def walk(schema, prefix, seen):
    for name, s in schema.get("properties", {}).items():
        path = prefix + name
        below, _ = named(s)
        if path + ".*" in own: print(path + ".*")
        elif path in own or not below.get("properties") or path in seen: print(path)
        else: walk(below, path + ("[]." if s.get("type") == "array" else "."), seen)
containers = schemas["io.k8s.api.core.v1.EphemeralContainer"]
spec = schemas["io.k8s.api.core.v1.PodSpec"]
walk({"properties": {k: v for k, v in spec["properties"].items() if k != "containers"}}, "", [])
walk(containers, "containers[].", [])
walk(schemas["io.k8s.api.core.v1.Container"], "containers[].", [])
' "$TABLE" | sort -u
}

# 1.20 does not tell its fields in that form, nor has it these.
if kubectl get --raw /openapi/v3/api/v1 >/dev/null 2>&1; then
    test_the_table_has_each_field() {
        sed -n 's/^| `\([^`]*\)`.*/\1/p' "$TABLE" | sort >"$TMP/table"
        fields >"$TMP/api"
        diff "$TMP/table" "$TMP/api" >"$TMP/diff" || fail "< is in the table alone, > in the API alone: $(grep '^[<>]' "$TMP/diff")"
        ! grep '^| `' "$TABLE" | grep -vE '^\| `[^`]+` \| (works|differs|told|refused) \|' || fail "an answer that is none"
    }
fi

# A pod with the fragment: of what the table says, an event tells the word.
test_what_has_no_effect_is_told_and_what_cannot_be_is_refused() {
    local n=0 line answer fragment word
    while IFS= read -r line; do
        answer=$(cut -d'|' -f3 <<<"$line" | tr -d ' ')
        fragment=$(sed 's/.*| `\({.*}\)` .*/\1/' <<<"$line")
        word=$(sed 's/.*}` \([^ ]*\) |$/\1/' <<<"$line")
        n=$((n + 1))
        python3 - "$n" "$fragment" >"$TMP/pod" <<'PY'
import json, sys
spec = json.loads(sys.argv[2])
container = {"name": "c", "image": "/bin/sleep", "command": ["/bin/sleep", "1000"]}
container.update(spec.get("containers", [{}])[0])
spec.update({"containers": [container], "terminationGracePeriodSeconds": 1})
print(json.dumps({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p" + sys.argv[1]}, "spec": spec}))
PY
        # an older API server knows fewer fields, and drops or refuses what it does not know
        k create --validate=false -f "$TMP/pod" >/dev/null 2>"$TMP/err" || { [ "$(kubectl get --raw /version | grep -c '"minor": "20')" = 1 ] && continue; fail "$fragment: $(cat "$TMP/err")"; }
        k get pod "p$n" -o json | grep "\"${word##*.}\"" >/dev/null || continue
        case $answer in
        refused) event "p$n" "(Failed|FailedMount|FailedCreatePodSandBox): .*$word" ;;
        *) event "p$n" "FieldsIgnored: .*$word" ;;
        esac || fail "$answer $fragment: $(k get events --field-selector "involvedObject.name=p$n" -o 'jsonpath={.items[*].message}')"
    done < <(grep '}` [^ ]* |$' "$TABLE")
    [ "$n" -ge 15 ] || fail "only $n rows have a fragment"
}

run_tests
