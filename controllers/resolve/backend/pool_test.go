package backend

import (
	"fmt"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/controllers/resolve/fixture"
	"github.com/kedify/inference-gateway/xds/ir"
)

func poolWith(picker string) string {
	return strings.Replace(fixture.ChatPool, "endpointPickerRef: {name: epp, port: {number: 9002}}", picker, 1)
}

func TestPool(t *testing.T) {
	const good = "Accepted=True/Accepted ResolvedRefs=True/ResolvedRefs"
	const broken = "Accepted=True/Accepted ResolvedRefs=False/InvalidExtensionRef"
	tests := []struct {
		name, picker string
		documents    []string
		conditions   string
		message      string // of ResolvedRefs or Accepted
		hasPicker    bool
		failOpen     bool
	}{
		{name: "picker", picker: "endpointPickerRef: {name: epp, port: {number: 9002}}", documents: []string{fixture.PickerService},
			conditions: good, hasPicker: true},
		{name: "picker with defaults written out",
			picker:    `endpointPickerRef: {group: "", kind: Service, name: epp, port: {number: 9002}, failureMode: FailClose}`,
			documents: []string{fixture.PickerService}, conditions: good, hasPicker: true},
		{name: "fail open", picker: "endpointPickerRef: {name: epp, port: {number: 9002}, failureMode: FailOpen}",
			documents: []string{fixture.PickerService}, conditions: good, hasPicker: true, failOpen: true},
		{name: "no reference", picker: "", conditions: "Accepted=False/EndpointPickerRefMissing ResolvedRefs=True/ResolvedRefs",
			message: "spec.endpointPickerRef is missing"},
		{name: "no Service", picker: "endpointPickerRef: {name: epp, port: {number: 9002}}", conditions: broken,
			message: "Service app/epp does not exist; create it or correct the name. Until then requests are answered 503"},
		{name: "no Service, fail open", picker: "endpointPickerRef: {name: epp, port: {number: 9002}, failureMode: FailOpen}", conditions: broken,
			message: "go to any ready Pod", failOpen: true},
		{name: "no such port", picker: "endpointPickerRef: {name: epp, port: {number: 1}}", documents: []string{fixture.PickerService},
			conditions: broken, message: "no TCP port 1; it has 9002"},
		{name: "no port", picker: "endpointPickerRef: {name: epp}", documents: []string{fixture.PickerService}, conditions: broken,
			message: "spec.endpointPickerRef: port is missing"},
		{name: "kind", picker: "endpointPickerRef: {kind: Deployment, group: apps, name: epp, port: {number: 9002}}",
			documents: []string{fixture.PickerService}, conditions: broken, message: `kind "Deployment" of group "apps"`},
		{name: "ExternalName", picker: "endpointPickerRef: {name: external, port: {number: 80}}", documents: []string{fixture.ExternalService},
			conditions: broken, message: "type ExternalName"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v := fixture.Store(t, append(tt.documents, poolWith(tt.picker))...).View(nil)
			pool := Pool(v, fixture.ChatKey)
			if got := fixture.Summary(pool.Conditions); got != tt.conditions {
				t.Errorf("conditions %s, want %s", got, tt.conditions)
			}
			all := fixture.Message(pool.Conditions, "Accepted") + fixture.Message(pool.Conditions, "ResolvedRefs")
			if !strings.Contains(all, tt.message) {
				t.Errorf("messages %q, want %q in them", all, tt.message)
			}
			for _, c := range pool.Conditions {
				if c.ObservedGeneration != 2 {
					t.Errorf("%s has generation %d", c.Type, c.ObservedGeneration)
				}
			}
			if (pool.Picker != nil) != tt.hasPicker || pool.FailOpen != tt.failOpen {
				t.Errorf("picker %+v, fail open %v", pool.Picker, pool.FailOpen)
			}
			picker := "picker/app/epp/9002"
			if tt.failOpen {
				picker += "/open"
			}
			if pool.Picker != nil && (pool.Picker.Cluster.String() != picker || pool.Picker.FailOpen != tt.failOpen) {
				t.Errorf("picker %+v", pool.Picker)
			}
			// Without a picker the cluster alone decides: 503 unless the pool fails open.
			cluster := Cluster(v, pool.Cluster, "cert")
			if !cluster.Exists || cluster.Cluster.Pool.FailOpen != tt.failOpen || cluster.Cluster.TLS != nil {
				t.Errorf("cluster %+v", cluster.Cluster)
			}
		})
	}
}

func TestPoolThatDoesNotExist(t *testing.T) {
	v := fixture.Store(t).View(nil)
	if pool := Pool(v, fixture.ChatKey); pool.Exists || len(pool.Conditions) != 0 {
		t.Errorf("%+v", pool)
	}
	if cluster := Cluster(v, ir.ClusterKey{Kind: ir.BackendPool, Namespace: "app", Name: "chat"}, ""); cluster.Exists {
		t.Errorf("%+v", cluster)
	}
}

func TestPoolExport(t *testing.T) {
	exported := strings.Replace(fixture.ChatPool, "generation: 2",
		`generation: 2, annotations: {inference.networking.x-k8s.io/export: ClusterSet}`, 1)
	conditions := Pool(fixture.Store(t, exported, fixture.PickerService).View(nil), fixture.ChatKey).Conditions
	got, want := fixture.Summary(conditions), "Accepted=True/Accepted ResolvedRefs=True/ResolvedRefs Exported=False/NotSupported"
	if got != want {
		t.Errorf("conditions %s, want %s", got, want)
	}
}

// Bodies of responses go to the picker when the pool asks for it, and not otherwise.
func TestPickerResponseBody(t *testing.T) {
	for annotations, want := range map[string]bool{
		"": false,
		`, annotations: {gateway.kedify.io/picker-response-body: stream}`: true,
		`, annotations: {gateway.kedify.io/picker-response-body: "no"}`:   false,
	} {
		pool := strings.Replace(fixture.ChatPool, "generation: 2", "generation: 2"+annotations, 1)
		result := Pool(fixture.Store(t, pool, fixture.PickerService).View(nil), fixture.ChatKey)
		if got := result.Picker.ResponseBody; got != want {
			t.Errorf("%q: got %v", annotations, got)
		}
		// A value without a meaning is said to have none.
		if said := strings.Contains(result.Conditions[0].Message, `write "stream"`); said != (annotations != "" && !want) {
			t.Errorf("%q: %q", annotations, result.Conditions[0].Message)
		}
	}
}

func TestPoolProtocol(t *testing.T) {
	for protocol, want := range map[string]ir.Protocol{"": ir.HTTP1, "appProtocol: http": ir.HTTP1,
		"appProtocol: kubernetes.io/h2c": ir.HTTP2} {
		v := fixture.Store(t, strings.Replace(fixture.ChatPool, "targetPorts", protocol+"\n  targetPorts", 1)).View(nil)
		if got := Cluster(v, ir.ClusterKey{Kind: ir.BackendPool, Namespace: "app", Name: "chat"}, "").Cluster.Protocol; got != want {
			t.Errorf("%q: got %s, want %s", protocol, got, want)
		}
	}
}

// One entry for each Gateway, sorted, with everything that identifies it; none when no route
// refers to the pool.
func TestPoolStatus(t *testing.T) {
	pool := Pool(fixture.Store(t, fixture.ChatPool, fixture.PickerService).View(nil), fixture.ChatKey)
	if got := PoolStatus(pool, nil); len(got) != 0 {
		t.Errorf("status without parents: %+v", got)
	}
	statuses := PoolStatus(pool, []types.NamespacedName{{Namespace: "b", Name: "gw"}, {Namespace: "a", Name: "gw"}})
	var parents []string
	for _, s := range statuses {
		parent := s.ParentRef
		parents = append(parents, fmt.Sprintf("%s %s %s/%s %s", *parent.Group, parent.Kind, parent.Namespace, parent.Name, s.ControllerName))
		if fixture.Summary(s.Conditions) != fixture.Summary(pool.Conditions) {
			t.Errorf("conditions %s", fixture.Summary(s.Conditions))
		}
	}
	fixture.EqualSlices(t, "parents", parents, []string{
		"gateway.networking.k8s.io Gateway a/gw kedify.io/gateway-controller",
		"gateway.networking.k8s.io Gateway b/gw kedify.io/gateway-controller",
	})
	if got := PoolStatus(pool, make([]types.NamespacedName, 40)); len(got) != 32 {
		t.Errorf("%d parents, the API allows 32", len(got))
	}
}
