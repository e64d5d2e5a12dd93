package chain

import (
	"slices"
	"strings"
	"testing"
	"time"

	kedav1alpha1 "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/api/debug"
	"github.com/kedify/inference-gateway/api/v1alpha1"
)

var found = Read{Found: true}

func is(kind string, status metav1.ConditionStatus, reason, message string) metav1.Condition {
	return metav1.Condition{Type: kind, Status: status, Reason: reason, Message: message, ObservedGeneration: 1}
}

func yes(kind string) metav1.Condition { return is(kind, metav1.ConditionTrue, kind, "") }

// served is a route to which nothing is wrong.
func served() RouteFacts {
	ref := gwv1.ParentReference{Namespace: ptr.To(gwv1.Namespace("infra")), Name: "gw"}
	return RouteFacts{
		Route: Route{
			Object: Object{"HTTPRoute", "shop", "web"}, Read: found, Generation: 1, Refs: []gwv1.ParentReference{ref},
			Parents: []gwv1.RouteParentStatus{{
				ParentRef: ref, ControllerName: v1alpha1.ControllerName, Conditions: []metav1.Condition{yes("Accepted"), yes("ResolvedRefs")},
			}},
		},
		Gateways: []*Gateway{{
			Object: Object{"Gateway", "infra", "gw"}, Read: found, Class: "kedify", Ours: true,
			Conditions: []metav1.Condition{yes("Accepted"), yes("Programmed")}, Pods: []Pod{{Name: "gw-1", Ready: true}},
			Envoys: &Envoys{Connected: 1, Resources: 2},
		}},
		Backends: []Backend{{
			Object: Object{"Service", "shop", "web"}, Read: found, Port: 80, Ports: []int32{80}, Selector: "app=web", Endpoints: 2, Ready: 2,
		}},
		Views: Views{Answered: 2},
	}
}

// TestRoute: each fault of a route is named by the link where it is, and by no other.
func TestRoute(t *testing.T) {
	if list := OfRoute(served()); !list.Served || list.Cause != "" {
		t.Errorf("a route to which nothing is wrong: %+v", list)
	}
	for name, c := range map[string]struct {
		change func(*RouteFacts)
		cause  string // begins the cause; empty: no link fails
	}{
		"the route does not exist": {func(f *RouteFacts) { f.Route.Read = Read{} }, "admitted: HTTPRoute shop/web does not exist"},
		"it may not be read":       {func(f *RouteFacts) { f.Route.Read = Read{Failure: "forbidden"} }, ""},
		"no Gateway":               {func(f *RouteFacts) { f.Gateways[0].Read = Read{} }, "gateway: Gateway infra/gw does not exist"},
		"class of another": {func(f *RouteFacts) { f.Gateways[0].Ours, f.Gateways[0].Class = false, "istio" },
			`gateway: its class "istio"`},
		"no status":     {func(f *RouteFacts) { f.Route.Parents = nil }, "attached: no controller has answered"},
		"no parentRefs": {func(f *RouteFacts) { f.Route.Refs = nil }, "attached: parentRefs is empty"},
		"not accepted": {func(f *RouteFacts) {
			f.Route.Parents[0].Conditions[0] = is("Accepted", metav1.ConditionFalse, "NoMatchingListenerHostname", "no listener takes it")
		}, "attached: Accepted=False (NoMatchingListenerHostname): no listener takes it"},
		"not resolved": {func(f *RouteFacts) {
			f.Route.Parents[0].Conditions[1] = is("ResolvedRefs", metav1.ConditionFalse, "BackendNotFound", "Service shop/wbe does not exist")
		}, "resolved: ResolvedRefs=False (BackendNotFound)"},
		"an older generation": {func(f *RouteFacts) { f.Route.Generation = 2 }, ""},
		"partly invalid": {func(f *RouteFacts) {
			add(f, is("PartiallyInvalid", metav1.ConditionTrue, "UnsupportedValue", "rule 1"))
		}, "attached: PartiallyInvalid=True"},
		"rejected by the proxy": {func(f *RouteFacts) {
			add(f, is("gateway.kedify.io/Programmed", metav1.ConditionFalse, "RejectedByProxy", "bad regex"))
		}, "acknowledged: gateway.kedify.io/Programmed=False"},
		"Gateway not programmed": {func(f *RouteFacts) {
			f.Gateways[0].Conditions[1] = is("Programmed", metav1.ConditionFalse, "AddressNotAssigned", "no address")
		}, "gateway: Programmed=False (AddressNotAssigned)"},
		"the one listener of the Gateway has no certificate": {func(f *RouteFacts) { unprogram(f, "https") },
			`listener: listener "https" serves nothing: ResolvedRefs=False (InvalidCertificateRef): Secret shop/gone does not exist`},
		"the named listener has no certificate": {func(f *RouteFacts) {
			unprogram(f, "https", "http")
			f.Gateways[0].Listeners[1].Conditions = []metav1.Condition{yes("Programmed")}
			name(f, "https")
		}, `listener: listener "https" serves nothing: ResolvedRefs=False`},
		"another listener has no certificate": {func(f *RouteFacts) {
			unprogram(f, "https", "http")
			f.Gateways[0].Listeners[1].Conditions = []metav1.Condition{yes("Programmed")}
		}, ""},
		"a listener that waits for its proxy": {func(f *RouteFacts) {
			unprogram(f, "https")
			f.Gateways[0].Listeners[0].Conditions = f.Gateways[0].Listeners[0].Conditions[:1]
			f.Gateways[0].Conditions[1] = is("Programmed", metav1.ConditionFalse, "Pending", "no proxy")
		}, "gateway: Programmed=False (Pending): no proxy"},
		"CA of a BackendTLSPolicy": {func(f *RouteFacts) {
			policed(f, is("Accepted", metav1.ConditionFalse, "NoValidCACertificate", "no CA"),
				is("ResolvedRefs", metav1.ConditionFalse, "InvalidCACertificateRef", "ConfigMap shop/ca does not exist"))
		}, "policy: ResolvedRefs=False (InvalidCACertificateRef): ConfigMap shop/ca does not exist"},
		"BackendTLSPolicy that another one precedes": {func(f *RouteFacts) {
			policed(f, is("Accepted", metav1.ConditionFalse, "Conflicted", "an older policy"), yes("ResolvedRefs"))
		}, ""},
		"BackendTLSPolicy that holds":             {func(f *RouteFacts) { policed(f, yes("Accepted"), yes("ResolvedRefs")) }, ""},
		"BackendTLSPolicies that may not be read": {func(f *RouteFacts) { f.Backends[0].PoliciesUnread = "forbidden" }, ""},
		"image of the proxy": {func(f *RouteFacts) {
			f.Gateways[0].Pods = []Pod{{Name: "gw-1", Waiting: "ImagePullBackOff: no such image"}}
		}, "gateway: none of its 1 proxies is ready: ImagePullBackOff: no such image"},
		"a refusal that the status does not have yet": {func(f *RouteFacts) {
			f.Gateways[0].Envoys.Rejected = []debug.Rejection{{Node: "gw-1", Resource: debug.ResourceKey{Name: "80/a"}, Message: "bad"}}
		}, "acknowledged: proxy gw-1 refused 80/a: bad"},
		"no proxy connected":     {func(f *RouteFacts) { f.Gateways[0].Envoys = &Envoys{} }, "acknowledged: no proxy"},
		"no replica answers":     {func(f *RouteFacts) { f.Gateways[0].Envoys = nil }, ""},
		"behind":                 {func(f *RouteFacts) { f.Gateways[0].Envoys.Behind = 1 }, ""},
		"the Service is missing": {func(f *RouteFacts) { f.Backends[0].Read = Read{} }, "backend: Service shop/web does not exist"},
		"a port that it has not": {func(f *RouteFacts) { f.Backends[0].Port = 81 }, "backend: it has no port 81"},
		"selector takes nothing": {func(f *RouteFacts) { f.Backends[0].Endpoints, f.Backends[0].Ready = 0, 0 },
			"endpoints: its selector app=web takes no Pod"},
		"Pods wait": {func(f *RouteFacts) {
			f.Backends[0].Ready, f.Backends[0].Pods = 0,
				[]Pod{{Name: "a", Waiting: "CrashLoopBackOff: back-off"}, {Name: "b", Waiting: "CrashLoopBackOff: back-off"}}
		}, "endpoints: none of the 2 Pods that it selects is ready: CrashLoopBackOff: back-off."},
		"at zero": {func(f *RouteFacts) {
			f.Backends[0].Endpoints, f.Backends[0].Ready = 0, 0
			f.Triggers = []Trigger{{Scaler: scalerOf(), Backend: &f.Backends[0]}}
		}, ""},
	} {
		facts := served()
		c.change(&facts)
		list := OfRoute(facts)
		if c.cause == "" && list.Cause != "" || !strings.HasPrefix(list.Cause, c.cause) || list.Served != (list.Cause == "") {
			t.Errorf("%s: served %t, cause %q, want %q", name, list.Served, list.Cause, c.cause)
		}
		failed := 0
		for _, link := range list.Links {
			if link.State == Failed {
				failed++
			}
			if (link.State == Failed) != (link.Fix != "") || link.Evidence == "" {
				t.Errorf("%s: %+v", name, link)
			}
		}
		if failed > 1 {
			t.Errorf("%s: %d links failed for one fault: %+v", name, failed, list.Links)
		}
	}
}

func add(f *RouteFacts, condition metav1.Condition) {
	f.Route.Parents[0].Conditions = append(f.Route.Parents[0].Conditions, condition)
}

// unprogram gives the Gateway listeners that serve nothing.
func unprogram(f *RouteFacts, names ...gwv1.SectionName) {
	for _, name := range names {
		f.Gateways[0].Listeners = append(f.Gateways[0].Listeners, gwv1.ListenerStatus{Name: name, Conditions: []metav1.Condition{
			is("Programmed", metav1.ConditionFalse, "Invalid", "it is invalid"),
			yes("Accepted"), is("Conflicted", metav1.ConditionFalse, "NoConflicts", ""),
			is("ResolvedRefs", metav1.ConditionFalse, "InvalidCertificateRef", "Secret shop/gone does not exist"),
		}})
	}
}

// name has the route attach to one listener.
func name(f *RouteFacts, section gwv1.SectionName) {
	f.Route.Refs[0].SectionName, f.Route.Parents[0].ParentRef.SectionName = &section, &section
}

func policed(f *RouteFacts, conditions ...metav1.Condition) {
	f.Backends[0].Policies = []Policy{{Object: Object{"BackendTLSPolicy", "shop", "web"}, Conditions: conditions}}
}

func scalerOf() *v1alpha1.HTTPScaler {
	scaler := &v1alpha1.HTTPScaler{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web-0", Generation: 1}}
	scaler.Status.Conditions = []metav1.Condition{yes("Accepted"), yes("ResolvedRefs")}
	scaler.Spec.Hold.Timeout = &metav1.Duration{Duration: time.Minute}
	return scaler
}

// scaled is a ScaledObject to which nothing is wrong.
func scaled() ScalingFacts {
	so := &kedav1alpha1.ScaledObject{}
	so.Status.Conditions = kedav1alpha1.Conditions{
		{Type: kedav1alpha1.ConditionReady, Status: metav1.ConditionTrue}, {Type: kedav1alpha1.ConditionActive, Status: metav1.ConditionTrue},
	}
	route := served()
	return ScalingFacts{
		Now: time.Unix(1000, 0), Object: Object{"ScaledObject", "shop", "web"}, Read: found, ScaledObject: so, OurTriggers: 1,
		Triggers: []Trigger{{
			Scaler: scalerOf(), Route: &route.Route, Gateway: route.Gateways[0], Backend: &route.Backends[0],
			Asked:  &debug.Asked{Ago: "2s", Answer: "active"},
			Demand: &debug.Demand{Metric: "requestRate", LastArrival: "2s", Requests: 5, Proxies: []debug.ProxyCounters{{Heard: true}}},
		}},
		Workload:   &Workload{Object: Object{"Deployment", "shop", "web"}, Read: found, Wanted: 1, Ready: 1},
		Autoscaler: &Autoscaler{Object: Object{"HorizontalPodAutoscaler", "shop", "keda-hpa-web"}, Read: found},
		Views:      Views{Answered: 2},
	}
}

// TestScaledObject: the same for a ScaledObject.
func TestScaledObject(t *testing.T) {
	if list := OfScaledObject(scaled()); !list.Served {
		t.Errorf("a ScaledObject to which nothing is wrong: %+v", list)
	}
	for name, c := range map[string]struct {
		change func(*ScalingFacts)
		cause  string
	}{
		"missing":                   {func(f *ScalingFacts) { f.Read = Read{} }, "admitted: ScaledObject shop/web does not exist"},
		"no trigger of the product": {func(f *ScalingFacts) { f.OurTriggers = 0 }, "parsed: none of its triggers"},
		"a mistake":                 {func(f *ScalingFacts) { f.Problems = []string{"hosts is missing"} }, "parsed: hosts is missing."},
		"no HTTPScaler":             {func(f *ScalingFacts) { f.Triggers = nil }, "parsed: no HTTPScaler"},
		"not resolved": {func(f *ScalingFacts) {
			f.Triggers[0].Scaler.Status.Conditions[1] = is("ResolvedRefs", metav1.ConditionFalse, "ServiceNotFound", "Service web does not exist")
		}, "references: ResolvedRefs=False (ServiceNotFound)"},
		"bypassed": {func(f *ScalingFacts) {
			s := f.Triggers[0].Scaler
			s.Status.Conditions = append(s.Status.Conditions, is("Bypassed", metav1.ConditionTrue, "Bypassed", "Ingress shop/web"))
		}, "traffic: Bypassed=True"},
		"unknown demand":   {func(f *ScalingFacts) { f.Triggers[0].Demand.Unknown = "no proxy has reported" }, "counted: the demand is unknown"},
		"no traffic yet":   {func(f *ScalingFacts) { f.Triggers[0].Demand.LastArrival = "" }, ""},
		"no replica heard": {func(f *ScalingFacts) { f.Triggers[0].Demand, f.Views = nil, Views{} }, ""},
		"paused": {func(f *ScalingFacts) {
			f.ScaledObject.Annotations = map[string]string{"autoscaling.keda.sh/paused": "true"}
		}, `keda: the ScaledObject is paused (autoscaling.keda.sh/paused: "true"), so`},
		"at most zero": {func(f *ScalingFacts) { f.ScaledObject.Spec.MaxReplicaCount = new(int32) }, "bounds: maxReplicaCount is 0"},
		"KEDA refuses": {func(f *ScalingFacts) {
			f.ScaledObject.Status.Conditions[0] = kedav1alpha1.Condition{Type: kedav1alpha1.ConditionReady, Status: metav1.ConditionFalse,
				Reason: "TriggerError", Message: "no metric"}
		}, "keda: KEDA says Ready=False (TriggerError): no metric"},
		"KEDA away": {func(f *ScalingFacts) { f.ScaledObject.Status.Conditions = nil }, ""},
		"HPA blind": {func(f *ScalingFacts) {
			f.Autoscaler.Conditions = []AutoscalerCondition{{Type: "ScalingActive", Reason: "FailedGetExternalMetric", Message: "no metrics"}}
		}, "hpa: ScalingActive=false (FailedGetExternalMetric)"},
		"HPA rests at zero": {func(f *ScalingFacts) {
			f.Workload.Wanted, f.Workload.Ready = 0, 0
			f.Autoscaler.Conditions = []AutoscalerCondition{{Type: "ScalingActive", Reason: "ScalingDisabled"}}
		}, ""},
		"at the maximum": {func(f *ScalingFacts) {
			f.Autoscaler.Conditions = []AutoscalerCondition{{Type: "ScalingLimited", True: true, Reason: "TooManyReplicas", Message: "the maximum"}}
		}, "hpa: ScalingLimited=true (TooManyReplicas)"},
		"no target": {func(f *ScalingFacts) { f.Workload.Read = Read{} }, "workload: Deployment shop/web does not exist"},
		"quota":     {func(f *ScalingFacts) { f.Workload.Trouble = "FailedCreate: exceeded quota" }, "workload: FailedCreate: exceeded quota"},
		"Pods wait": {func(f *ScalingFacts) {
			f.Workload.Ready, f.Workload.Pods = 0, []Pod{{Waiting: "ImagePullBackOff: no image"}}
		}, "workload: 0 of 1 replicas are ready: ImagePullBackOff: no image."},
		"held for long": {func(f *ScalingFacts) {
			f.Triggers[0].Holding = []debug.HoldBackend{{Held: 3, Proxies: []debug.HoldProxy{{Oldest: "31s"}}}}
		}, "released: 3 requests are held, the oldest for 31s of at most 1m0s"},
		"held for a moment": {func(f *ScalingFacts) {
			f.Triggers[0].Holding = []debug.HoldBackend{{Held: 3, Proxies: []debug.HoldProxy{{Oldest: "1s"}}}}
		}, ""},
	} {
		facts := scaled()
		c.change(&facts)
		list := OfScaledObject(facts)
		if c.cause == "" && list.Cause != "" || !strings.HasPrefix(list.Cause, c.cause) {
			t.Errorf("%s: cause %q, want %q", name, list.Cause, c.cause)
		}
	}
}

// TestBounds: what keeps a workload from zero is said where nothing is wrong.
func TestBounds(t *testing.T) {
	for want, c := range map[string]struct{ lowest, highest, idle *int32 }{
		"0 to 100 replicas.": {},
		"minReplicaCount is 2, so the workload never goes to zero; 5 replicas at most.": {ptr.To[int32](2), ptr.To[int32](5), nil},
		"0 replicas while no trigger is active (idleReplicaCount), else 2 to 100.":      {ptr.To[int32](2), nil, new(int32)},
	} {
		facts := scaled()
		spec := &facts.ScaledObject.Spec
		spec.MinReplicaCount, spec.MaxReplicaCount, spec.IdleReplicaCount = c.lowest, c.highest, c.idle
		list := OfScaledObject(facts)
		if !list.Served || !slices.Contains(list.Links, Link{Name: "bounds", State: OK, Evidence: want}) {
			t.Errorf("%q is not in %+v", want, list.Links)
		}
	}
}

func TestPool(t *testing.T) {
	pool := func() PoolFacts {
		return PoolFacts{
			Backend: Backend{Object: Object{"InferencePool", "ai", "llama"}, Read: found, Selector: "app=llama", Endpoints: 1, Ready: 1},
			Parents: []PoolParent{{Parent: "Gateway infra/gw", Conditions: []metav1.Condition{yes("Accepted"), yes("ResolvedRefs")}}},
			Picker:  &Backend{Object: Object{"Service", "ai", "picker"}, Read: found, Endpoints: 1, Ready: 1},
			Routes:  []Route{{Object: Object{"HTTPRoute", "ai", "llama"}}},
		}
	}
	if list := OfPool(pool()); !list.Served {
		t.Errorf("%+v", list)
	}
	for name, c := range map[string]struct {
		change func(*PoolFacts)
		cause  string
	}{
		"missing":        {func(f *PoolFacts) { f.Backend.Read = Read{} }, "admitted: InferencePool ai/llama does not exist"},
		"no route":       {func(f *PoolFacts) { f.Routes = nil }, "route: no HTTPRoute"},
		"no picker":      {func(f *PoolFacts) { f.Picker = nil }, "picker: endpointPickerRef"},
		"picker missing": {func(f *PoolFacts) { f.Picker.Read = Read{} }, "picker: Service ai/picker does not exist"},
		"picker waits": {func(f *PoolFacts) { f.Picker.Ready, f.Picker.Pods = 0, []Pod{{Waiting: "Pending: no node"}} },
			"picker: none of its endpoints is ready: requests to the pool fail; Pending: no node."},
		"no Pod":       {func(f *PoolFacts) { f.Backend.Endpoints, f.Backend.Ready = 0, 0 }, "endpoints: its selector app=llama takes no Pod"},
		"not resolved": {func(f *PoolFacts) { f.Parents[0].Conditions[1].Status = metav1.ConditionFalse }, "resolved: ResolvedRefs=False"},
	} {
		facts := pool()
		c.change(&facts)
		if list := OfPool(facts); !strings.HasPrefix(list.Cause, c.cause) {
			t.Errorf("%s: cause %q, want %q", name, list.Cause, c.cause)
		}
	}
}

func TestPodOf(t *testing.T) {
	container := func(state corev1.ContainerState) *corev1.Pod {
		return &corev1.Pod{Status: corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{Name: "app", State: state}}}}
	}
	waiting := &corev1.ContainerStateWaiting{Reason: "ImagePullBackOff", Message: "Back-off pulling image."}
	ended := &corev1.ContainerStateTerminated{ExitCode: 3}
	for want, pod := range map[string]*corev1.Pod{
		"": {},
		"ImagePullBackOff: Back-off pulling image":                  container(corev1.ContainerState{Waiting: waiting}),
		"container app ended with exit code 3":                      container(corev1.ContainerState{Terminated: ended}),
		"container app runs and its readiness probe has not passed": container(corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}),
		"Unschedulable: 0/1 nodes are available": {Status: corev1.PodStatus{Conditions: []corev1.PodCondition{
			{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: "Unschedulable", Message: "0/1 nodes are available"}}}},
		"Evicted: disk": {Status: corev1.PodStatus{Reason: "Evicted", Message: "disk"}},
	} {
		if got := PodOf(pod); got.Waiting != want || got.Ready {
			t.Errorf("%+v, want %q", got, want)
		}
	}
	ready := &corev1.Pod{Status: corev1.PodStatus{Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}}}
	if got := PodOf(ready); !got.Ready || got.Waiting != "" {
		t.Errorf("%+v", got)
	}
}

func TestWrite(t *testing.T) {
	facts := served()
	facts.Backends[0].Read = Read{}
	var out strings.Builder
	if err := OfRoute(facts).Write(&out); err != nil {
		t.Fatal(err)
	}
	const want = `HTTPRoute shop/web
  ✓ admitted      the API server has it.
  ✓ attached      Gateway infra/gw: Accepted=True (Accepted)
  ✓ resolved      Gateway infra/gw: ResolvedRefs=True (ResolvedRefs)
  ✓ gateway       Gateway infra/gw: Accepted=True (Accepted)
  ✓ gateway       Gateway infra/gw: Programmed=True (Programmed)
  ✓ acknowledged  Gateway infra/gw: all 1 proxies have acknowledged the configuration.
  ✗ backend       Service shop/web: Service shop/web does not exist.
                  fix: create it, or correct the name
`
	if out.String() != want {
		t.Errorf("got\n%s", out.String())
	}
}
