package main

import (
	"context"
	"os"
	"path/filepath"
	"slices"

	"github.com/kedify/inference-gateway/hack/install/module"
)

// foreignManifests deploy the consumers: what their modules do not carry in the form that is needed.
const foreignManifests = "hack/install/foreign"

// foreignFiles are manifests that modules of the testbed's components carry: CRDs and roles.
var foreignFiles = []struct {
	module, component string
	files             []string
}{
	{"github.com/projectcontour/contour", "contour", []string{
		"examples/contour/00-common.yaml", "examples/contour/01-crds.yaml",
		"examples/contour/02-role-contour.yaml", "examples/contour/02-rbac.yaml",
	}},
	{"istio.io/istio", "istiod", []string{"manifests/charts/base/files/crd-all.gen.yaml"}},
	{"github.com/openshift/api", "haproxy-routes", []string{"route/v1/zz_generated.crd-manifests/routes.crd.yaml"}},
}

// foreignSteps install the consumers of objects that the product wires: Contour for Ingresses and
// HTTPRoutes, Istio for VirtualServices, and a stand-in for OpenShift's router for Routes.
func (i installer) foreignSteps(ctx context.Context) ([]step, error) {
	carried := []string{"kubectl", "apply", "--server-side", "--force-conflicts"}
	for _, of := range foreignFiles {
		root, err := module.Folder(ctx, filepath.Join("hack/testbed/components", of.component), of.module)
		if err != nil {
			return nil, err
		}
		for _, file := range of.files {
			carried = append(carried, "-f", filepath.Join(root, file))
		}
	}
	steps := []step{
		inCluster("foreign CRDs", carried...),
		inCluster("foreign consumers", "kubectl", "apply", "--server-side", "--force-conflicts", "-f", foreignManifests),
	}
	for _, deployment := range []string{
		"projectcontour/contour", "projectcontour/envoy", "istio-system/istiod", "istio-system/gateway", "haproxy-routes/haproxy",
	} {
		namespace, name := filepath.Split(deployment)
		steps = append(steps, inCluster(deployment, "kubectl", "--namespace", filepath.Clean(namespace),
			"rollout", "status", "deployment/"+name, "--timeout=3m"))
	}
	if os.Getenv("KUBECONFIG") == "" {
		steps = slices.Insert(steps, 0, step{name: "foreign images", loud: true, argv: []string{
			"bin/testbed", "--name", i.name, "images", "contour", "istiod", "haproxy", "haproxy-routes"}})
	}
	return steps, nil
}
