package charts_test

import (
	"net"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	kedav1alpha1 "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/kedify/inference-gateway/controllers/scaledobject/plan"
	"github.com/kedify/inference-gateway/scaler/trigger"
)

const parametersPage = "../docs/kedify-http-parameters.md"

var yamlBlock = regexp.MustCompile("(?ms)^```yaml\n(.*?)^```")

// scalerAddress returns the address that the rendered controller gives KEDA, after checking that
// a Service of the rendered chart listens there.
func scalerAddress(t *testing.T) string {
	t.Helper()
	objects := rendered(t)
	const flag = "--scaler-address="
	arguments := find[*appsv1.Deployment](t, objects).Spec.Template.Spec.Containers[0].Args
	at := slices.IndexFunc(arguments, func(a string) bool { return strings.HasPrefix(a, flag) })
	if at < 0 {
		t.Fatalf("%s is missing in %q", flag, arguments)
	}
	address := strings.TrimPrefix(arguments[at], flag)
	service := find[*corev1.Service](t, objects)
	host, port, err := net.SplitHostPort(address)
	if err != nil || !strings.HasPrefix(host, service.Name+"."+service.Namespace+".svc.") {
		t.Fatalf("address %q is not that of Service %s/%s: %v", address, service.Namespace, service.Name, err)
	}
	if !slices.ContainsFunc(service.Spec.Ports, func(p corev1.ServicePort) bool { return strconv.Itoa(int(p.Port)) == port }) {
		t.Fatalf("Service %s has no port %s", service.Name, port)
	}
	return address
}

// TestParametersPageExamples puts every example of the page through the rules of triggers, with
// the address of the rendered chart: each is a trigger of this installation without any problem.
func TestParametersPageExamples(t *testing.T) {
	page, err := os.ReadFile(parametersPage)
	if err != nil {
		t.Fatal(err)
	}
	address := scalerAddress(t)
	blocks := yamlBlock.FindAllSubmatch(page, -1)
	if len(blocks) < 4 {
		t.Fatalf("%d examples", len(blocks))
	}
	native := 0
	for _, block := range blocks {
		var object kedav1alpha1.ScaledObject
		if err := yaml.UnmarshalStrict(block[1], &object); err != nil {
			t.Fatalf("%v in\n%s", err, block[1])
		}
		result := trigger.Parse(plan.ObjectOf(&object), address)
		if len(result.Triggers) != len(object.Spec.Triggers) || len(result.Problems) > 0 {
			t.Errorf("%d of %d triggers are recognised, problems %v:\n%s",
				len(result.Triggers), len(object.Spec.Triggers), result.Problems, block[1])
		}
		for _, written := range object.Spec.Triggers {
			if written.Type == "external-push" {
				native++
			}
		}
	}
	if native == 0 {
		t.Error("the page has no example of the native spelling")
	}
}
