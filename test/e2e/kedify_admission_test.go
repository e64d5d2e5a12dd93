package e2e

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/onsi/gomega"

	"github.com/kedify/inference-gateway/test/e2e/internal/cluster"
)

// metadata of one trigger as a user writes it; empty values are left out.
type metadata map[string]string

// plain is a trigger with nothing but what is required.
var plain = metadata{"hosts": "a.test", "service": "a", "port": "80", "scalingMetric": "requestRate"}

// but is the trigger with other values.
func (m metadata) but(pairs ...string) metadata {
	changed := maps.Clone(m)
	for i := 0; i+1 < len(pairs); i += 2 {
		changed[pairs[i]] = pairs[i+1]
	}
	return changed
}

func (m metadata) yaml() string {
	var lines []string
	for _, key := range slices.Sorted(maps.Keys(m)) {
		if m[key] != "" {
			lines = append(lines, fmt.Sprintf("%s: %q", key, m[key]))
		}
	}
	return "{" + strings.Join(lines, ", ") + "}"
}

// candidate is an object to be shown to admission.
type candidate struct {
	Kind, Annotations, Target string
	Min                       string
	Type                      string
	Triggers                  []string // metadata in YAML
}

const candidateYAML = `
apiVersion: keda.sh/v1alpha1
kind: {{.Kind}}
metadata: {name: a, annotations: {{.Annotations}}}
spec:
  {{- if eq .Kind "ScaledJob"}}
  jobTargetRef: {template: {spec: {restartPolicy: Never, containers: [{name: a, image: a}]}}}
  {{- else}}
  scaleTargetRef: {{.Target}}
  {{- end}}
  {{- with .Min}}
  minReplicaCount: {{.}}
  {{- end}}
  triggers:
  {{- $type := .Type}}
  {{- range .Triggers}}
  - type: {{$type}}
    metadata: {{.}}
  {{- end}}
`

func (c candidate) text(t testing.TB) string {
	t.Helper()
	for _, field := range []struct {
		value     *string
		otherwise string
	}{{&c.Kind, "ScaledObject"}, {&c.Annotations, "{}"}, {&c.Target, "{name: a}"}, {&c.Type, "kedify-http"}} {
		if *field.value == "" {
			*field.value = field.otherwise
		}
	}
	return render(t, candidateYAML, c)
}

// with is a ScaledObject with these triggers.
func with(triggers ...metadata) candidate {
	var c candidate
	for _, trigger := range triggers {
		c.Triggers = append(c.Triggers, trigger.yaml())
	}
	return c
}

// TestKedifyHTTPAdmission shows objects with one mistake each to the API server. Each mistake is
// refused, or warned of, in words that name the key, the value and the fix; what is right comes
// out as KEDA understands it, with all that the user wrote.
func TestKedifyHTTPAdmission(t *testing.T) {
	c := cluster.Connect(t)
	namespace := c.Namespace(t)
	c.Apply(t, namespace, mismatchYAML)
	c.Apply(t, "", rolloutsYAML)
	pooled := plain.but("port", "9002", "inferencePool", "pool")
	rollout := with(plain.but("service", ""))
	rollout.Target = rolloutTarget
	job := with(plain)
	job.Kind = "ScaledJob"
	weighted := with(plain)
	weighted.Annotations = `{http.kedify.io/weighted-backends: "[{service: a, weight: 101}]"}`
	envoy := candidate{Type: "kedify-envoy-http", Min: "0", Triggers: []string{`{scalingMetric: requestRate, externalProxyMetricKey: a}`}}
	const (
		accepted = iota
		warned
		refused
	)
	for _, one := range []struct {
		name    string
		object  candidate
		outcome int
		says    string
	}{
		{"T01 ScaledJob", job, refused, "kind ScaledJob does not go with kedify-http"},
		{"T02 hosts", with(plain.but("hosts", "")), refused, "hosts is missing"},
		{"T02 service", with(plain.but("service", "")), refused, "service is missing"},
		{"T02 scalingMetric", with(plain.but("scalingMetric", "")), refused, "scalingMetric is missing"},
		{"T03 no port", with(plain.but("port", "")), refused, "port is missing"},
		{"T03 both", with(plain.but("portName", "http")), refused, "are both set; keep one"},
		{"T03 no number", with(plain.but("port", "abc")), refused, `port "abc" is not a port number`},
		{"T03 too large", with(plain.but("port", "70000")), refused, `port "70000" is not a port number`},
		{"T04 several hosts", with(plain.but("hosts", "a.test, b.test")), accepted, ""},
		{"T05 host with port", with(plain.but("hosts", "a.test:8080")), refused, "has a port; remove it"},
		{"T06 wildcard", with(plain.but("hosts", "*.x.test")), accepted, ""},
		{"T15 window", with(plain.but("scalingMetric", "concurrency", "window", "10s")), warned,
			"window has no effect with scalingMetric concurrency"},
		{"T15 granularity", with(plain.but("scalingMetric", "concurrency", "granularity", "1s")), warned,
			"granularity has no effect with scalingMetric concurrency"},
		{"T17 Rollout", rollout, accepted, ""},
		{"T19 weight", weighted, refused, `weight "101" is not 0 to 100`},
		{"T22 reencrypt", with(plain.but("tlsMode", "reencrypt")), refused, "tlsSecretName is missing"},
		{"T22 passthrough and paths", with(plain.but("tlsMode", "passthrough", "pathPrefixes", "/a")), refused,
			`pathPrefixes "/a" does not go with tlsMode "passthrough"`},
		{"T22 passthrough and headers", with(plain.but("tlsMode", "passthrough", "headers", "[{name: a, value: b}]")), refused,
			`headers does not go with tlsMode "passthrough"`},
		{"T46 unknown", with(plain.but("trafficAutowire", "foo")), refused, `trafficAutowire has "foo", which is not known`},
		{"T46 false and more", with(plain.but("trafficAutowire", "false,ingress")), refused, `trafficAutowire has "false" beside other kinds`},
		{"T46 service and more", with(plain.but("trafficAutowire", "service,ingress")), refused,
			`trafficAutowire has "service" beside other kinds`},
		{"T46 space and case", with(plain.but("trafficAutowire", " Gloo ")), warned, `trafficAutowire "gloo" is not done here`},
		{"T70 envoy at zero", envoy, refused, "minReplicaCount 0 is too low"},
		{"T87 selectors", with(pooled), warned, "use the same labels"},
		{"two triggers without names", with(plain, plain.but("hosts", "b.test")), refused, "name is missing"},
		{"a key misspelt", with(plain.but("scalingMetrik", "x")), warned, "did you mean scalingMetric?"},
	} {
		t.Run(one.name, func(t *testing.T) {
			got := c.Admit(t, namespace, one.object.text(t))
			if one.object.Target == rolloutTarget { // KEDA may not have heard of the kind yet
				gomega.NewWithT(t).Eventually(func() error {
					got = c.Admit(t, namespace, one.object.text(t))
					return got.Err
				}).WithTimeout(20 * time.Second).WithPolling(time.Second).Should(gomega.Succeed())
			}
			if (got.Err != nil) != (one.outcome == refused) {
				t.Fatalf("refused: %v, want %v", got.Err, one.outcome == refused)
			}
			if one.outcome == accepted && len(got.Warnings) > 0 {
				t.Errorf("warnings of a right object: %q", got.Warnings)
			}
			if !strings.Contains(got.Text(), one.says) {
				t.Errorf("it says %q, want %q in it", got.Text(), one.says)
			}
			if got.Err == nil {
				asWritten(t, one.object, got.Object)
			}
		})
	}
}

const rolloutTarget = "{apiVersion: argoproj.io/v1alpha1, kind: Rollout, name: a}"

// rolloutsYAML is what KEDA wants to know of Argo Rollouts: that there are such objects.
const rolloutsYAML = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: rollouts.argoproj.io}
spec:
  group: argoproj.io
  scope: Namespaced
  names: {kind: Rollout, plural: rollouts, singular: rollout}
  versions:
  - name: v1alpha1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
    subresources:
      scale: {specReplicasPath: .spec.replicas, statusReplicasPath: .status.replicas}
`

// mismatchYAML is a pool and a Service that select different pods.
const mismatchYAML = `
apiVersion: v1
kind: Service
metadata: {name: a}
spec:
  selector: {app: a}
  ports: [{port: 80}]
---
apiVersion: inference.networking.k8s.io/v1
kind: InferencePool
metadata: {name: pool}
spec:
  selector: {matchLabels: {app: other}}
  targetPorts: [{number: 8000}]
  endpointPickerRef: {name: epp, port: {number: 9002}}
`

// asWritten wants each trigger to be KEDA's external-push with everything that the user wrote,
// and nothing but the address and the mark besides.
func asWritten(t *testing.T, c candidate, object *unstructured.Unstructured) {
	t.Helper()
	triggers, _, err := unstructured.NestedSlice(object.Object, "spec", "triggers")
	if err != nil || len(triggers) != len(c.Triggers) {
		t.Fatalf("%d triggers, %v", len(triggers), err)
	}
	for i, item := range triggers {
		stored := item.(map[string]any)
		if stored["type"] != "external-push" {
			t.Errorf("trigger %d has type %v", i, stored["type"])
		}
		keys, _, _ := unstructured.NestedStringMap(stored, "metadata")
		if keys["scalerAddress"] == "" || keys["originalType"] != "kedify-http" {
			t.Errorf("trigger %d: scalerAddress %q, originalType %q", i, keys["scalerAddress"], keys["originalType"])
		}
		delete(keys, "scalerAddress")
		delete(keys, "originalType")
		if got := metadata(keys).yaml(); got != c.Triggers[i] {
			t.Errorf("trigger %d is stored as %s, written as %s", i, got, c.Triggers[i])
		}
	}
}
