package charts_test

import (
	"slices"
	"strings"
	"testing"

	kedav1alpha1 "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers"
	"github.com/kedify/inference-gateway/wiring"
)

const autowired = "--set=autowire.enabled=true"

// named finds an object by its type and name.
func named[T client.Object](t *testing.T, objects []runtime.Object, name string) T {
	t.Helper()
	for _, object := range objects {
		if found, ok := object.(T); ok && found.GetName() == name {
			return found
		}
	}
	var none T
	t.Fatalf("the chart has no %T %s", none, name)
	return none
}

// TestAutowireOff: without autowiring nothing of it is rendered, and the controllers are told.
func TestAutowireOff(t *testing.T) {
	text, err := template(t, "--set=autowire.enabled=false")
	if err != nil || strings.Contains(text, "wiring") || strings.Contains(text, "unwire") {
		t.Errorf("something of autowiring is there: %v", err)
	}
	if !strings.Contains(text, "--autowire=false") {
		t.Error("the controllers are not told that nothing wires")
	}
}

// TestWiringDeployment: the process runs beside the controllers and shares nothing with them but the image.
func TestWiringDeployment(t *testing.T) {
	objects := rendered(t, autowired, "--set", "nameOverride=custom,autowire.healthcheckDebouncerPeriod=7s,autowire.recoveryPeriod=1m,"+
		"autowire.ingressCooldownPeriod=2h,autowire.replicas=3,kedifyProxy.clusterWide=true,autowire.resources.limits.memory=1Gi")
	controller, deployment := named[*appsv1.Deployment](t, objects, "custom"), named[*appsv1.Deployment](t, objects, "custom-wiring")
	if !slices.Contains(controller.Spec.Template.Spec.Containers[0].Args, "--autowire=true") {
		t.Error("the controllers are not told that objects are wired")
	}
	spec := deployment.Spec.Template.Spec
	container := spec.Containers[0]
	image := controller.Spec.Template.Spec.Containers[0].Image
	if container.Args[0] != "wiring" || container.Image != image || *deployment.Spec.Replicas != 3 {
		t.Errorf("%d replicas of %s %q", *deployment.Spec.Replicas, container.Image, container.Args)
	}
	for _, want := range []string{
		"--controller-service=custom", "--shared-proxy", "--healthcheck-debouncer-period=7s", "--recovery-period=1m",
		"--ingress-cooldown-period=2h",
	} {
		if !slices.Contains(container.Args, want) {
			t.Errorf("%s is missing in %q", want, container.Args)
		}
	}
	if !slices.ContainsFunc(container.Env, func(e corev1.EnvVar) bool { return e.Name == "GOMEMLIMIT" }) {
		t.Error("a memory limit that the garbage collector does not know")
	}
	if spec.ServiceAccountName != "custom-wiring" || spec.ServiceAccountName == controller.Spec.Template.Spec.ServiceAccountName {
		t.Errorf("ServiceAccount %s", spec.ServiceAccountName)
	}
	if spec.Affinity == nil || spec.Affinity.PodAntiAffinity == nil ||
		len(spec.Affinity.PodAntiAffinity.PreferredDuringSchedulingIgnoredDuringExecution) != 2 {
		t.Errorf("affinity %+v: a node that goes takes all with it", spec.Affinity)
	}
	budget := named[*policyv1.PodDisruptionBudget](t, objects, "custom-wiring")
	service := named[*corev1.Service](t, objects, "custom")
	for _, selects := range []map[string]string{budget.Spec.Selector.MatchLabels, deployment.Spec.Selector.MatchLabels} {
		if !subset(selects, deployment.Spec.Template.Labels) || subset(selects, controller.Spec.Template.Labels) {
			t.Errorf("%v selects the Pods of the controllers, or not those of the wiring", selects)
		}
	}
	labels := deployment.Spec.Template.Labels
	if subset(service.Spec.Selector, labels) || subset(controller.Spec.Selector.MatchLabels, labels) {
		t.Error("the Pods of the wiring are taken for controllers")
	}
}

// TestStandbyForKEDA: the Pods of the wiring answer KEDA while no controller is ready. With mutual TLS they have the
// certificate that the leader of the controllers delivers, and start without it.
func TestStandbyForKEDA(t *testing.T) {
	for set, secured := range map[string]bool{"keda.tls.enabled=false": false, "keda.tls.enabled=true": true} {
		spec := named[*appsv1.Deployment](t, rendered(t, autowired, "--set", set), "kedify-gateway-wiring").Spec.Template.Spec
		container := spec.Containers[0]
		port := slices.ContainsFunc(container.Ports, func(p corev1.ContainerPort) bool { return p.ContainerPort == 9090 })
		pod := slices.ContainsFunc(container.Env, func(e corev1.EnvVar) bool { return e.Name == "POD_IPS" && e.ValueFrom != nil })
		if !slices.Contains(container.Args, "--keda-listen=:9090") || !port || !pod {
			t.Errorf("%s: %q, ports %v, environment %v", set, container.Args, container.Ports, container.Env)
		}
		folder := ""
		for _, volume := range spec.Volumes {
			if volume.Secret == nil || volume.Secret.SecretName != controllers.StandbySecretName || !*volume.Secret.Optional {
				continue
			}
			for _, mount := range container.VolumeMounts {
				if mount.Name == volume.Name {
					folder = mount.MountPath
				}
			}
		}
		if told := slices.Contains(container.Args, "--keda-tls-folder="+folder); told != secured || (folder != "") != secured {
			t.Errorf("%s: %q, the certificate is in %q", set, container.Args, folder)
		}
	}
}

func subset(some, all map[string]string) bool {
	for name, value := range some {
		if all[name] != value {
			return false
		}
	}
	return true
}

// TestUnwireHook: an uninstallation restores foreign objects before anything is deleted.
func TestUnwireHook(t *testing.T) {
	objects := rendered(t, autowired)
	job := named[*batchv1.Job](t, objects, "kedify-gateway-unwire")
	container := job.Spec.Template.Spec.Containers[0]
	if container.Args[0] != "unwire" || !slices.Contains(container.Args, "--stop=kedify-system/kedify-gateway-wiring") {
		t.Errorf("arguments %q", container.Args)
	}
	named[*appsv1.Deployment](t, objects, "kedify-gateway-wiring") // what is stopped
	hooks := []client.Object{
		job, named[*corev1.ServiceAccount](t, objects, "kedify-gateway-unwire"), named[*rbacv1.ClusterRole](t, objects, "kedify-gateway-unwire"),
		named[*rbacv1.ClusterRoleBinding](t, objects, "kedify-gateway-unwire"), named[*rbacv1.Role](t, objects, "kedify-gateway-unwire"),
		named[*rbacv1.RoleBinding](t, objects, "kedify-gateway-unwire"),
	}
	for _, hook := range hooks {
		if hook.GetAnnotations()["helm.sh/hook"] != "pre-delete" {
			t.Errorf("%T %s is not there before the chart is deleted: %v", hook, hook.GetName(), hook.GetAnnotations())
		}
	}
	if job.Spec.Template.Spec.ServiceAccountName != "kedify-gateway-unwire" {
		t.Errorf("ServiceAccount %s", job.Spec.Template.Spec.ServiceAccountName)
	}
}

// TestWiringLeastPrivilege: the roles of the wiring grant what its code needs, and nothing else.
func TestWiringLeastPrivilege(t *testing.T) {
	objects := rendered(t, autowired)
	of := resources(t)
	wires, unwires := grants{}, grants{}
	for _, object := range wiring.Watched() {
		wires.add(of(object), "get", "list", "watch")
	}
	for _, object := range wiring.Foreign() {
		wires.add(of(object), "patch")
		unwires.add(of(object), "get", "list", "patch")
	}
	for _, object := range wiring.Written() {
		wires.add(of(object), "create", "patch", "delete")
		unwires.add(of(object), "list", "delete")
	}
	wires.add("discovery.k8s.io/endpointslices/restricted", "create")
	wires.add("/endpoints", "get", "delete")
	unwires.add(of(&corev1.Service{}), "get")              // of users, with slices of the product
	unwires.add(of(&discoveryv1.EndpointSlice{}), "patch") // which lead to the application when the proxies go
	unwires.add(of(&v1alpha1.HTTPScaler{}), "get", "list")
	unwires.add(of(&v1alpha1.HTTPScaler{})+"/status", "patch")
	wires.add(of(&v1alpha1.HTTPScaler{})+"/status", "patch")
	wires.add(of(&kedav1alpha1.ScaledObject{}), "get")
	wires.add("*/*/scale", "get", "update", "patch")
	wires.add("apiextensions.k8s.io/customresourcedefinitions", "list", "watch")
	wires.add("events.k8s.io/events", "create", "patch", "update")
	wires.add("/status/proxies", "get")
	leastPrivilege(t, named[*rbacv1.ClusterRole](t, objects, "kedify-gateway-wiring"), wires)
	leastPrivilege(t, named[*rbacv1.ClusterRole](t, objects, "kedify-gateway-unwire"), unwires)
}

// TestControllersWriteNoForeignObject: with autowiring or without, the controllers may write no object of
// another controller but HTTPRoutes, of which they make their own.
func TestControllersWriteNoForeignObject(t *testing.T) {
	of := resources(t)
	for _, set := range []string{autowired, "--set=autowire.enabled=false"} {
		granted := granted(t, named[*rbacv1.ClusterRole](t, rendered(t, set), "kedify-gateway"))
		for _, object := range wiring.Foreign() {
			resource := of(object)
			if resource == "gateway.networking.k8s.io/httproutes" {
				continue
			}
			for verb := range granted[resource] {
				if !slices.Contains([]string{"get", "list", "watch"}, verb) {
					t.Errorf("the controllers may %s %s", verb, resource)
				}
			}
		}
	}
}
