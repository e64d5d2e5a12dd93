package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/kedify/inference-gateway/hack/install/module"
	"github.com/kedify/inference-gateway/hack/testbed/build"
)

const (
	kedaModule    = "github.com/kedacore/keda/v2"
	kedaComponent = "hack/testbed/components/keda" // the module that its images are built from
	kedaOverlay   = "bin/keda"
)

// overlay is what a release of KEDA changes in the manifests of its repository (they name images
// of the main branch), and what a machine without a registry needs. Its pods are ready a second
// after they start, not after twenty: everything waits for them here, and nothing is lost.
const overlay = `apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources: [%[1]s]
images:
- {name: ghcr.io/kedacore/keda, newTag: %[2]s}
- {name: ghcr.io/kedacore/keda-metrics-apiserver, newTag: %[2]s}
- {name: ghcr.io/kedacore/keda-admission-webhooks, newTag: %[2]s}
labels:
- pairs: {app.kubernetes.io/version: %[2]s}
patches:
- target: {kind: Deployment}
  patch: |
    - {op: replace, path: /spec/template/spec/containers/0/imagePullPolicy, value: IfNotPresent}
    - {op: replace, path: /spec/template/spec/containers/0/readinessProbe/initialDelaySeconds, value: 1}
    - {op: add, path: /spec/template/spec/containers/0/readinessProbe/periodSeconds, value: 1}
`

// kedaSteps apply KEDA's own manifests and wait until all of it works.
func (i installer) kedaSteps(ctx context.Context) ([]step, error) {
	folder, err := writeKEDAOverlay(ctx)
	if err != nil {
		return nil, err
	}
	const patience = "--timeout=3m"
	inKEDA := func(name string, args ...string) step {
		return inCluster(name, append([]string{"kubectl", "--namespace", "keda"}, args...)...)
	}
	steps := []step{
		inCluster("KEDA", "kubectl", "apply", "--server-side", "--force-conflicts", "--kustomize", folder),
		inKEDA("KEDA's secret", "wait", patience, "secret/kedaorg-certs", "--for=create"),
		inKEDA("KEDA's certificates", "wait", patience, "secret/kedaorg-certs", `--for=jsonpath={.data.tls\.crt}`),
		// The operator ends once it has made the certificates, to start again with them, and would
		// then sit out the lease of its first life; meanwhile the adapter, which cannot reach it,
		// tries less and less often. Together that doubles the time until all is ready.
		inKEDA("KEDA's lease", "delete", "lease/operator.keda.sh", "--ignore-not-found"),
		inCluster("KEDA's webhooks", "kubectl", "wait", patience, "validatingwebhookconfiguration/keda-admission",
			"--for=jsonpath={.webhooks[0].clientConfig.caBundle}"),
		inCluster("KEDA's metrics API", "kubectl", "wait", patience, "apiservice/v1beta1.external.metrics.k8s.io",
			"--for=condition=Available"),
		inKEDA("KEDA's pods", "wait", patience, "--for=condition=Available",
			"deployment/keda-operator", "deployment/keda-metrics-apiserver", "deployment/keda-admission"),
	}
	// A metric of nothing: the refusal is the operator's, so the adapter has reached it.
	metrics := inKEDA("KEDA's metrics", "get", "--raw",
		"/apis/external.metrics.k8s.io/v1beta1/namespaces/keda/any?labelSelector=scaledobject.keda.sh%2Fname%3Dnone")
	metrics.answer = `"none" not found`
	steps = append(steps, metrics)
	if os.Getenv("KUBECONFIG") == "" {
		steps = slices.Insert(steps, 0, step{name: "KEDA's images", loud: true, argv: []string{
			"bin/testbed", "--name", i.name, "images", "keda", "keda-metrics-apiserver", "keda-admission-webhooks"}})
	}
	return steps, nil
}

// writeKEDAOverlay returns a folder for kubectl's kustomize, which takes no absolute paths.
func writeKEDAOverlay(ctx context.Context) (string, error) {
	keda, err := build.Lookup("keda")
	if err != nil {
		return "", err
	}
	sources, err := module.Folder(ctx, kedaComponent, kedaModule)
	if err != nil {
		return "", err
	}
	folder, err := filepath.Abs(kedaOverlay)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return "", err
	}
	base, err := filepath.Rel(folder, filepath.Join(sources, "config", "default"))
	if err != nil {
		return "", err
	}
	text := fmt.Sprintf(overlay, base, keda.Version)
	return folder, os.WriteFile(filepath.Join(folder, "kustomization.yaml"), []byte(text), 0o644)
}
