package plan

import (
	"strings"
	"testing"
)

// TestT62ProblemsOfValuesNameTheField has one case for each thing that is wrong with an entry. What
// the schema of the CRD refuses is among them: it would refuse the merged object.
func TestT62ProblemsOfValuesNameTheField(t *testing.T) {
	for _, c := range []struct{ text, problem string }{
		{"", ""},
		{"{}", ""},
		{"replicas: 2\nenvoy: {logLevel: debug, concurrency: 1, bootstrap: {stats_flush_interval: 1s}}\n" +
			"service: {type: NodePort, externalTrafficPolicy: Local}", ""},
		{"autoscaling: {maxReplicas: 2, metrics: [{type: Resource, " +
			"resource: {name: memory, target: {type: Utilization, averageUtilization: 90}}}]}", ""},
		{"podTemplate: {spec: {nodeSelector: {pool: edge}, initContainers: [{name: envoy, env: [{name: A, value: b}]}]}}", ""},
		{"podTemplate: {spec: {nodeSelectors: {pool: edge}}}", `spec.podTemplate: not a pod template: `},
		{"podTemplate: {spec: {containers: none}}", "spec.podTemplate: not a"},
		{"[1]", "cannot unmarshal array"},
		{"a: b: c", "yaml"},
		{"replica: 3", `unknown field "replica"`},
		{"replicas: many", "replicas"},
		{"replicas: 1\nreplicas: 2", `key "replicas" already set`},
		{"replicas: -1", "spec.replicas -1 is negative"},
		{"replicas: 1\nautoscaling: {maxReplicas: 2}", "spec.replicas and spec.autoscaling exclude each other"},
		{"autoscaling: {}", "spec.autoscaling.minReplicas and maxReplicas are at least 1"},
		{"autoscaling: {minReplicas: 0, maxReplicas: 1}", "spec.autoscaling.minReplicas and maxReplicas are at least 1"},
		{"autoscaling: {maxReplicas: 1, metrics: [{type: Pods}]}", `spec.autoscaling.metrics[0] has no source of its type "Pods"`},
		{"envoy: {logLevel: loud}", `spec.envoy.logLevel "loud" is not one of [trace debug`},
		{"envoy: {concurrency: 0}", "spec.envoy.concurrency 0 is less than 1"},
		{"envoy: {bootstrap: {nodes: {}}}", "spec.envoy.bootstrap: "},
		{"envoy: {resources: {limits: {memory: much}}}", "quantities must match"},
		{"envoy: {route: {cluster: other}}", "spec.envoy.route: cluster: cannot be set"},
		{"envoy: {cluster: {lb_policy: BEST}}", "spec.envoy.cluster: lb_policy: "},
		{"service: {type: ExternalName}", `spec.service.type "ExternalName" is not one of`},
		{"service: {externalTrafficPolicy: Some}", `spec.service.externalTrafficPolicy "Some" is not one of`},
	} {
		_, err := readValues(c.text)
		if c.problem == "" && err != nil || c.problem != "" && (err == nil || !strings.Contains(err.Error(), c.problem)) {
			t.Errorf("%q: %v, want %q", c.text, err, c.problem)
		}
	}
}
