package charts_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	kedav1alpha1 "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/version"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers"
	"github.com/kedify/inference-gateway/internal/cli/facts"
	"github.com/kedify/inference-gateway/internal/cli/reach"
)

const testName = "kedify-gateway-test"

// TestHelmTest: a Pod of the image runs doctor, and everything that it has goes with it.
func TestHelmTest(t *testing.T) {
	objects := rendered(t)
	pod := named[*corev1.Pod](t, objects, testName)
	container := pod.Spec.Containers[0]
	if !slices.Equal(container.Args, []string{"doctor", "--system=kedify-system"}) || pod.Spec.RestartPolicy != corev1.RestartPolicyNever {
		t.Errorf("%q, restarted %s", container.Args, pod.Spec.RestartPolicy)
	}
	if pod.Spec.ServiceAccountName != testName {
		t.Errorf("ServiceAccount %s", pod.Spec.ServiceAccountName)
	}
	if subset(reach.ControllerLabels, pod.Labels) {
		t.Errorf("labels %v: the Pod is taken for a replica", pod.Labels)
	}
	for _, hook := range []client.Object{
		pod, named[*corev1.ServiceAccount](t, objects, testName), named[*rbacv1.ClusterRole](t, objects, testName),
		named[*rbacv1.ClusterRoleBinding](t, objects, testName), named[*rbacv1.Role](t, objects, testName),
		named[*rbacv1.RoleBinding](t, objects, testName),
	} {
		notes := hook.GetAnnotations()
		if notes["helm.sh/hook"] != "test" || notes["helm.sh/hook-delete-policy"] != "before-hook-creation,hook-succeeded" {
			t.Errorf("%T is not there for the test alone: %v", hook, notes)
		}
		if first := notes["helm.sh/hook-weight"] == "-1"; first == (hook == client.Object(pod)) {
			t.Errorf("%T: weight %q", hook, notes["helm.sh/hook-weight"])
		}
	}
	if text, err := template(t, "--set=helmTest.enabled=false"); err != nil || strings.Contains(text, testName) {
		t.Errorf("turned off: %v", err)
	}
}

// TestHelmTestLeastPrivilege: the roles of helm test grant what doctor does, and nothing else.
func TestHelmTestLeastPrivilege(t *testing.T) {
	everywhere, installation := grants{}, grants{}
	reads := recorder{resources: resources(t), everywhere: everywhere, installation: installation}
	reads.Reader = fake.NewClientBuilder().WithScheme(controllers.NewScheme()).WithObjects(
		&gwv1.GatewayClass{ObjectMeta: metav1.ObjectMeta{Name: "kedify"}, Spec: gwv1.GatewayClassSpec{ControllerName: v1alpha1.ControllerName}},
		&gwv1.Gateway{ObjectMeta: metav1.ObjectMeta{Namespace: "infra", Name: "gw"}, Spec: gwv1.GatewaySpec{GatewayClassName: "kedify"}},
		&v1alpha1.HTTPScaler{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web-0"}},
		&kedav1alpha1.ScaledObject{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web"}},
	).Build()
	source := facts.Source{Reader: reads, Views: forwards{installation}}
	found := source.Installation(t.Context(), "kedify-system", versions{})
	if len(found.Gateways) != 1 || len(found.Triggers) != 1 {
		t.Fatalf("not all is read: %+v", found)
	}
	objects := rendered(t)
	leastPrivilege(t, named[*rbacv1.ClusterRole](t, objects, testName), everywhere)
	leastPrivilege(t, &rbacv1.ClusterRole{Rules: named[*rbacv1.Role](t, objects, testName).Rules}, installation)
}

// recorder notes what is read: everywhere, or in the namespace of the installation alone.
type recorder struct {
	client.Reader
	resources                func(client.Object) string
	everywhere, installation grants
}

// Get implements client.Reader.
func (r recorder) Get(ctx context.Context, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
	if key.Namespace == "" {
		r.everywhere.add(r.resources(object), "get")
	} else {
		r.installation.add(r.resources(object)+" "+key.Name, "get")
	}
	return r.Reader.Get(ctx, key, object, options...)
}

// List implements client.Reader.
func (r recorder) List(ctx context.Context, list client.ObjectList, options ...client.ListOption) error {
	kind, err := apiutil.GVKForObject(list, controllers.NewScheme())
	if err != nil {
		return err
	}
	element := &metav1.PartialObjectMetadata{}
	element.SetGroupVersionKind(kind.GroupVersion().WithKind(strings.TrimSuffix(kind.Kind, "List")))
	r.everywhere.add(r.resources(element), "list")
	return r.Reader.List(ctx, list, options...)
}

// forwards are views of replicas, each read through the port of its Pod.
type forwards struct{ grants }

// Get implements reach.Views.
func (f forwards) Get(_ context.Context, path string) ([]reach.Answer, error) {
	f.add("/pods/portforward", "create")
	if path == reach.MetricsPath {
		return []reach.Answer{{Replica: "a"}}, nil
	}
	return []reach.Answer{{Replica: "a", Body: []byte("[]")}}, nil
}

type versions struct{}

// ServerVersion implements discovery.ServerVersionInterface; every account may ask for it.
func (versions) ServerVersion() (*version.Info, error) {
	return &version.Info{GitVersion: "v1.37.0"}, nil
}
