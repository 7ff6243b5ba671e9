//go:build tools

// What tests/uml/metrics.sh asks nodes with: the metrics-server of clusters.
package tools

import _ "sigs.k8s.io/metrics-server/cmd/metrics-server"
