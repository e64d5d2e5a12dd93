package resolve

import "fmt"

// policyYAML is a BackendTLSPolicy app/<name> with one target.
func policyYAML(name, target, validation string) string {
	return policyAt(name, "2026-01-01T00:00:00Z", target, validation)
}

func policyAt(name, created, target, validation string) string {
	return fmt.Sprintf(`kind: BackendTLSPolicy
metadata: {name: %s, namespace: app, generation: 5, creationTimestamp: %q}
spec:
  targetRefs: [%s]
  validation: %s
`, name, created, target, validation)
}
