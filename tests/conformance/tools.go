//go:build tools

// What tests/conformance/run builds: Kubernetes' own end-to-end suite, what runs it, and the programs that its pods ask for.
package tools

import (
	_ "github.com/onsi/ginkgo/v2/ginkgo"
	_ "k8s.io/kubernetes/test/e2e"
	_ "k8s.io/kubernetes/test/images/agnhost"
	_ "k8s.io/kubernetes/test/images/nonewprivs"
)
