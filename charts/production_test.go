package charts_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/kedify/inference-gateway/charts/valuesets"
)

// valueSet is what the chart makes of a set of valuesets/values.yaml.
func valueSet(t *testing.T, name string) []runtime.Object {
	t.Helper()
	sets, err := valuesets.Read()
	if err != nil {
		t.Fatal(err)
	}
	at := slices.IndexFunc(sets, func(s valuesets.Set) bool { return s.Name == name })
	if at < 0 {
		t.Fatalf("no set %s", name)
	}
	return rendered(t, "--values", file(t, sets[at].Values))
}

// pods are the Pods of the controllers, of the wiring, of its hook, and of helm test.
func pods(t *testing.T, objects []runtime.Object) map[string]corev1.PodTemplateSpec {
	t.Helper()
	test := named[*corev1.Pod](t, objects, "kedify-gateway-test")
	return map[string]corev1.PodTemplateSpec{
		"controllers": named[*appsv1.Deployment](t, objects, "kedify-gateway").Spec.Template,
		"wiring":      named[*appsv1.Deployment](t, objects, "kedify-gateway-wiring").Spec.Template,
		"unwire":      named[*batchv1.Job](t, objects, "kedify-gateway-unwire").Spec.Template,
		"test":        {ObjectMeta: test.ObjectMeta, Spec: test.Spec},
	}
}

// TestImageByDigest: a digest decides in every Pod, and the controllers start Envoys' companions of the same image.
func TestImageByDigest(t *testing.T) {
	const digest = "@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	for set, want := range map[string]string{
		"defaults":       "ghcr.io/kedify/inference-gateway:dev",
		"digest":         "registry.example/gw" + digest,
		"tag-and-digest": "ghcr.io/kedify/inference-gateway:v1" + digest,
	} {
		for name, pod := range pods(t, valueSet(t, set)) {
			container := pod.Spec.Containers[0]
			if container.Image != want {
				t.Errorf("%s: image of %s is %s, want %s", set, name, container.Image, want)
			}
			if name == "controllers" && !slices.Contains(container.Args, "--product-image="+want) {
				t.Errorf("%s: %q", set, container.Args)
			}
		}
	}
	for _, bad := range []string{"image.digest=latest", "image.digest=sha256:abc"} {
		if _, err := template(t, "--set", bad); err == nil {
			t.Errorf("%s is accepted", bad)
		}
	}
}

// TestLabelsOfTheUser are on all objects and Pods, in no selector, and never those of the chart.
func TestLabelsOfTheUser(t *testing.T) {
	objects := valueSet(t, "labels")
	for _, object := range objects {
		accessor, err := meta.Accessor(object)
		if err != nil {
			t.Fatal(err)
		}
		if _, is := object.(*corev1.Pod); is {
			continue // podLabels win, as below
		}
		if labels := accessor.GetLabels(); labels["team"] != "edge" || labels["cost-centre"] != "42" {
			t.Errorf("%T %s has labels %v", object, accessor.GetName(), labels)
		}
	}
	for name, pod := range pods(t, objects) {
		if pod.Labels["team"] != "other" || pod.Labels["cost-centre"] != "42" || pod.Labels["app.kubernetes.io/component"] == "" {
			t.Errorf("Pods of %s have labels %v", name, pod.Labels)
		}
	}
	if selector := named[*appsv1.Deployment](t, objects, "kedify-gateway").Spec.Selector.MatchLabels; selector["team"] != "" {
		t.Errorf("selector %v: it can never change", selector)
	}
	for _, values := range []string{"commonLabels", "podLabels"} {
		_, err := template(t, "--set", values+`.app\.kubernetes\.io/component=x`)
		if err == nil || !strings.Contains(err.Error(), "component") {
			t.Errorf("%s replaces a label of the chart: %v", values, err)
		}
	}
}

// TestAccounts: Pods, bindings and policies name the ServiceAccounts that the values name, made by the chart or not.
func TestAccounts(t *testing.T) {
	for set, c := range map[string]struct {
		controllers, wiring string
		made                int // with those of the hooks
	}{
		"defaults":              {"kedify-gateway", "kedify-gateway-wiring", 4},
		"accounts-of-the-chart": {"controllers", "wiring", 4},
		"accounts-of-the-user":  {"mine", "mine-too", 2},
	} {
		objects := valueSet(t, set)
		made, bound := 0, map[string]int{}
		for _, object := range objects {
			switch object := object.(type) {
			case *corev1.ServiceAccount:
				made++
			case *rbacv1.ClusterRoleBinding:
				bound[object.Subjects[0].Name]++
			case *rbacv1.RoleBinding:
				bound[object.Subjects[0].Name]++
			}
		}
		want := map[string]int{c.controllers: 2, c.wiring: 2, "kedify-gateway-unwire": 2, "kedify-gateway-test": 2}
		if made != c.made || !maps.Equal(bound, want) {
			t.Errorf("%s: %d accounts, bound %v, want %d, %v", set, made, bound, c.made, want)
		}
		pods := pods(t, objects)
		if pods["controllers"].Spec.ServiceAccountName != c.controllers || pods["wiring"].Spec.ServiceAccountName != c.wiring {
			t.Errorf("%s: Pods run as %s and %s", set, pods["controllers"].Spec.ServiceAccountName, pods["wiring"].Spec.ServiceAccountName)
		}
	}
	text, err := template(t, "--set=serviceAccount.name=mine,kedifyProxy.clusterWide=true")
	if err != nil || strings.Count(text, "'system:serviceaccount:kedify-system:mine'") != 2 {
		t.Errorf("policies about another account: %v", err)
	}
	for _, path := range []string{"serviceAccount", "autowire.serviceAccount"} {
		problem := path + ".create is false, and " + path + ".name names"
		if _, err := template(t, "--set", path+".create=false"); err == nil || !strings.Contains(err.Error(), problem) {
			t.Errorf("the default account would get the roles: %v", err)
		}
	}
}

// TestExtras: flags, variables and volumes of the user reach the Pods that they are for, behind those of the chart.
func TestExtras(t *testing.T) {
	pods := pods(t, valueSet(t, "extras"))
	for name, want := range map[string]struct{ flag, variable string }{
		"controllers": {"--hold-timeout=20s", "HTTPS_PROXY"}, "wiring": {"--recovery-period=10s", "GODEBUG"},
	} {
		container := pods[name].Spec.Containers[0]
		if last := container.Args[len(container.Args)-1]; last != want.flag {
			t.Errorf("%s: the last flag is %s", name, last)
		}
		if !slices.ContainsFunc(container.Env, func(e corev1.EnvVar) bool { return e.Name == want.variable }) {
			t.Errorf("%s: no %s in %v", name, want.variable, container.Env)
		}
		mounted := slices.ContainsFunc(container.VolumeMounts, func(m corev1.VolumeMount) bool { return m.Name == "ca" })
		if !mounted || !slices.ContainsFunc(pods[name].Spec.Volumes, func(v corev1.Volume) bool { return v.Name == "ca" }) {
			t.Errorf("%s: volumes %v at %v", name, pods[name].Spec.Volumes, container.VolumeMounts)
		}
	}
	for _, bad := range []string{
		"extraArgs[0]=controller", "extraEnv[0].value=a", "autowire.extraVolumes[0].emptyDir=a", "extraEnvs[0].name=a",
	} {
		if _, err := template(t, "--set", bad); err == nil {
			t.Errorf("%s is accepted", bad)
		}
	}
}

// TestTopologySpread: apart unless told otherwise; entries without a selector are about the controllers.
func TestTopologySpread(t *testing.T) {
	selector := named[*appsv1.Deployment](t, rendered(t), "kedify-gateway").Spec.Selector.MatchLabels
	for set, keys := range map[string]string{
		"defaults": "topology.kubernetes.io/zone kubernetes.io/hostname", "scheduling": "kubernetes.io/hostname rack", "spread-nowhere": "",
	} {
		var got []string
		for _, constraint := range pods(t, valueSet(t, set))["controllers"].Spec.TopologySpreadConstraints {
			got = append(got, constraint.TopologyKey)
			if ours := maps.Equal(constraint.LabelSelector.MatchLabels, selector); ours != (constraint.TopologyKey != "rack") {
				t.Errorf("%s: %s is about %v", set, constraint.TopologyKey, constraint.LabelSelector)
			}
		}
		if strings.Join(got, " ") != keys {
			t.Errorf("%s: %v, want %s", set, got, keys)
		}
	}
}

// TestMemoryIsBounded: each Pod of the chart has a limit, and Go knows that of a Deployment.
func TestMemoryIsBounded(t *testing.T) {
	for name, pod := range pods(t, rendered(t)) {
		container := pod.Spec.Containers[0]
		knows := slices.ContainsFunc(container.Env, func(e corev1.EnvVar) bool { return e.Name == "GOMEMLIMIT" })
		if brief := name == "unwire" || name == "test"; container.Resources.Limits.Memory().IsZero() || !knows && !brief {
			t.Errorf("%s: limits %v, GOMEMLIMIT %t", name, container.Resources.Limits, knows)
		}
	}
}

// TestMoreObjects: templates in them are evaluated.
func TestMoreObjects(t *testing.T) {
	objects := valueSet(t, "more-objects")
	if named[*corev1.ConfigMap](t, objects, "kedify-gateway-more").Namespace != "kedify-system" {
		t.Error("the namespace of the release is not filled in")
	}
	if named[*corev1.ConfigMap](t, objects, "text").Labels["app.kubernetes.io/name"] != "kedify-gateway" {
		t.Error("a text is no template")
	}
}

// TestUserRoles: the role view of a namespace reads the product's kinds, the role edit changes those that people write.
func TestUserRoles(t *testing.T) {
	const verbs = "create delete deletecollection patch update"
	for name, c := range map[string]struct {
		to    string
		grant string
	}{
		"kedify-gateway-view": {"admin edit view", "gatewayparameters: get list watch, httpscalers: get list watch"},
		"kedify-gateway-edit": {"admin edit", "gatewayparameters: " + verbs},
	} {
		role := named[*rbacv1.ClusterRole](t, rendered(t), name)
		var to, grants []string
		for label := range role.Labels {
			if aggregated, is := strings.CutPrefix(label, "rbac.authorization.k8s.io/aggregate-to-"); is {
				to = append(to, aggregated)
			}
		}
		for resource, verbs := range granted(t, role) {
			kind, allowed := strings.TrimPrefix(resource, "gateway.kedify.io/"), slices.Sorted(maps.Keys(verbs))
			grants = append(grants, kind+": "+strings.Join(allowed, " "))
		}
		slices.Sort(to)
		slices.Sort(grants)
		if strings.Join(to, " ") != c.to || strings.Join(grants, ", ") != c.grant {
			t.Errorf("%s: %v to %v", name, grants, to)
		}
	}
	if text, err := template(t, "--set=rbac.aggregate=false"); err != nil || strings.Contains(text, "aggregate-to") {
		t.Errorf("turned off: %v", err)
	}
}
