package store

import (
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/types"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/internal/names"
)

func pod(name string, labels map[string]string) *corev1.Pod {
	return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: name, Labels: labels}}
}

func namesOf(pods []*corev1.Pod) []string {
	var found []string
	for _, p := range pods {
		found = append(found, p.Name)
	}
	return found
}

func TestPodsMatching(t *testing.T) {
	s := New()
	for _, p := range []*corev1.Pod{
		pod("c", map[string]string{"app": "x", "tier": "a"}),
		pod("a", map[string]string{"app": "x", "tier": "b"}),
		pod("b", map[string]string{"app": "y", "tier": "b"}),
	} {
		s.Set(Pod, p)
	}
	for _, test := range []struct {
		labels map[string]string
		want   []string
	}{
		{map[string]string{"app": "x"}, []string{"a", "c"}},
		{map[string]string{"app": "x", "tier": "b"}, []string{"a"}},
		{map[string]string{"app": "z"}, nil},
		{nil, nil},
	} {
		if got := namesOf(s.View(nil).PodsMatching("ns", test.labels)); !slices.Equal(got, test.want) {
			t.Errorf("%v selects %v, want %v", test.labels, got, test.want)
		}
	}
	if got := s.View(nil).PodsMatching("other", map[string]string{"app": "x"}); len(got) > 0 {
		t.Errorf("another namespace selects %v", namesOf(got))
	}
}

// TestWhatIsReadIsTouched holds the store to its contract with the engine: a change touches
// every read whose answer it changes.
func TestWhatIsReadIsTouched(t *testing.T) {
	s := New()
	s.Set(Pod, pod("a", map[string]string{"app": "x"}))
	selection := map[string]string{"app": "x", "tier": "b"}
	var read []Dep
	s.View(func(dep Dep) { read = append(read, dep) }).PodsMatching("ns", selection)

	touched := s.Set(Pod, pod("b", map[string]string{"app": "x", "tier": "b"})) // now selected
	if !slices.ContainsFunc(read, func(dep Dep) bool { return slices.Contains(touched, dep) }) {
		t.Errorf("read %v, but a new match touches only %v", read, touched)
	}

	read = nil
	s.View(func(dep Dep) { read = append(read, dep) }).Service(types.NamespacedName{Namespace: "ns", Name: "later"})
	touched = s.Set(Service, &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "later"}})
	if !slices.Contains(touched, read[0]) {
		t.Errorf("an object that was missing when read touches %v, not %v", touched, read)
	}
}

func TestReindex(t *testing.T) {
	s := New()
	s.Set(Pod, pod("a", map[string]string{"app": "x"}))
	touched := s.Set(Pod, pod("a", map[string]string{"app": "y"}))
	for _, value := range []string{"ns/app=x", "ns/app=y"} {
		if !slices.Contains(touched, Dep(IndexDep{Kind: Pod, Index: ByLabel, Value: value})) {
			t.Errorf("a moved Pod does not touch %s", value)
		}
	}
	if got := s.View(nil).PodsMatching("ns", map[string]string{"app": "x"}); len(got) > 0 {
		t.Errorf("still found under its old label: %v", namesOf(got))
	}
	s.Delete(Pod, types.NamespacedName{Namespace: "ns", Name: "a"})
	if s.Len(Pod) != 0 || len(s.View(nil).PodsMatching("ns", map[string]string{"app": "y"})) > 0 {
		t.Error("a deleted Pod is still found")
	}
	if touched := s.Delete(Pod, types.NamespacedName{Namespace: "ns", Name: "a"}); touched != nil {
		t.Errorf("deleting nothing touches %v", touched)
	}
}

// TestDataPlaneServiceOfALongName: a Gateway's name may be longer than a label value.
func TestDataPlaneServiceOfALongName(t *testing.T) {
	gateway := types.NamespacedName{Namespace: "ns", Name: strings.Repeat("long-name.", 10) + "end"}
	s := New()
	s.Set(Service, &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "svc", Labels: map[string]string{
		gwv1.GatewayNameLabelKey: names.LabelValue(gateway.Name),
	}}})
	if got := s.View(nil).DataPlaneServices(gateway); len(got) != 1 {
		t.Errorf("found %d Services, want 1", len(got))
	}
}

func TestSameIgnoresFieldsThatAreNotRead(t *testing.T) {
	route := func(generation int64, resourceVersion string) *gwv1.HTTPRoute {
		return &gwv1.HTTPRoute{ObjectMeta: metav1.ObjectMeta{Generation: generation, ResourceVersion: resourceVersion}}
	}
	if !Same(route(1, "1"), route(1, "2")) {
		t.Error("a write of a status counts as a change")
	}
	if Same(route(1, "1"), route(2, "2")) {
		t.Error("a new generation does not count as a change")
	}
	trigger := func(status v1alpha1.HTTPScalerStatus) *v1alpha1.HTTPScaler {
		return &v1alpha1.HTTPScaler{ObjectMeta: metav1.ObjectMeta{Generation: 1}, Status: status}
	}
	wiring := func(wiring v1alpha1.HTTPScalerWiring) v1alpha1.HTTPScalerStatus {
		return v1alpha1.HTTPScalerStatus{Wiring: &wiring}
	}
	through, since := v1alpha1.HTTPScalerWiring{Path: v1alpha1.PathProxy}, metav1.Unix(1, 0)
	for name, c := range map[string]struct {
		status v1alpha1.HTTPScalerStatus
		same   bool
	}{
		"the demand":              {v1alpha1.HTTPScalerStatus{Demand: &v1alpha1.HTTPScalerDemand{Rate: "2"}}, true},
		"a first wiring":          {wiring(through), true},
		"names of wired Services": {wiring(v1alpha1.HTTPScalerWiring{Path: v1alpha1.PathProxy, Services: []string{"web-kedify"}}), true},
		"the way past":            {wiring(v1alpha1.HTTPScalerWiring{Path: v1alpha1.PathDirect}), false},
		"the way back":            {wiring(v1alpha1.HTTPScalerWiring{Path: v1alpha1.PathProxy, DirectUntil: &since}), false},
	} {
		if Same(trigger(v1alpha1.HTTPScalerStatus{}), trigger(c.status)) != c.same {
			t.Errorf("%s in the status of an HTTPScaler: same is not %v", name, c.same)
		}
	}
	ready := func(status corev1.ConditionStatus) *corev1.Pod {
		p := pod("a", nil)
		p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: status}}
		return p
	}
	if Same(ready(corev1.ConditionTrue), ready(corev1.ConditionFalse)) {
		t.Error("readiness does not count as a change")
	}
}
