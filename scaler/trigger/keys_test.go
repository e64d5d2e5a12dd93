package trigger

import (
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kedify/inference-gateway/api/v1alpha1"
)

// unread are known and not looked at: KEDA reads the first three, spelling the others.
var unread = []string{keyEnableTLS, keyUnsafeSSL, keyAuthModes, keyScalerAddress, keyOriginalType}

// TestKeysAreRead: the table lists what the rules read, for each type, and nothing else.
func TestKeysAreRead(t *testing.T) {
	t.Run("served", keysAreRead)
	serveAll(t)
	t.Run("all", keysAreRead)
}

func keysAreRead(t *testing.T) {
	envoy := shop(envoyTrigger("edge"))
	envoy.Min = ptr[int32](1)
	for _, object := range []Object{shop(httpTrigger(nil)), envoy} {
		r := newReader(object, 0, ourAddress)
		r.spec(nil)
		var listed []string
		for _, key := range Keys() {
			if key.readBy(r.kind) && !slices.Contains(unread, key.Name) {
				listed = append(listed, key.Name)
			}
		}
		slices.Sort(listed)
		if diff := cmp.Diff(listed, slices.Sorted(maps.Keys(r.seen))); diff != "" {
			t.Errorf("%s (- table, + read):\n%s", r.kind, diff)
		}
	}
}

// TestDefaults: leaving a key out is the same as writing its default.
func TestDefaults(t *testing.T) {
	serveAll(t)
	around := map[string]changes{
		keyHealthcheckResponse:    {keyHealthcheckPath: "/healthz"},
		keyConcurrencyAggregation: {keyScalingMetric: "concurrency"},
	}
	for _, key := range []string{keyOutputTokenWeight, keyCachedTokenWeight, keyBurstReserve, keyBurstHistory, keyBacklogHorizon} {
		around[key] = changes{keyScalingMetric: "tokenRate", keyTargetValue: "3500"}
	}
	for _, key := range []string{keyEngine, keyMetricsPath} {
		around[key] = changes{keyScalingMetric: "kvCache", keyTargetValue: "0.7"}
	}
	checked := 0
	for _, key := range Keys() {
		if key.Default == "" {
			continue
		}
		checked++
		without := around[key.Name]
		with := changes{key.Name: key.Default}
		maps.Copy(with, without)
		if diff := cmp.Diff(accepted(t, shop(httpTrigger(without))), accepted(t, shop(httpTrigger(with)))); diff != "" {
			t.Errorf("%s: %s is not the default (- without, + with):\n%s", key.Name, key.Default, diff)
		}
		if problems := Parse(shop(httpTrigger(with)), ourAddress).Problems; len(problems) > 0 {
			t.Errorf("%s: its default is commented: %q", key.Name, messages(problems))
		}
	}
	if checked < 10 {
		t.Errorf("%d defaults", checked)
	}
}

// TestKeysAreDocumented: each has words, sections are in one piece, names are unique.
func TestKeysAreDocumented(t *testing.T) {
	var sections []string
	seen := map[string]bool{}
	for _, key := range Keys() {
		if key.Name == "" || key.Values == "" || key.Meaning == "" || seen[key.Name] {
			t.Errorf("key %+v", key)
		}
		seen[key.Name] = true
		if len(sections) == 0 || sections[len(sections)-1] != key.Section {
			if slices.Contains(sections, key.Section) {
				t.Errorf("section %q in two pieces", key.Section)
			}
			sections = append(sections, key.Section)
		}
	}
	if key := Keys()[0]; key.Name != keyHosts || key.readBy(v1alpha1.TriggerEnvoyHTTP) || !key.readBy(v1alpha1.TriggerHTTP) {
		t.Errorf("the types that read hosts: %+v", key)
	}
}

// TestKeysIsACopy: what a caller does to the table stays with the caller.
func TestKeysIsACopy(t *testing.T) {
	Keys()[0].Name = "changed"
	if Keys()[0].Name != keyHosts {
		t.Error("the table was changed")
	}
}
