package class

import (
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/kedify/inference-gateway/api/v1alpha1"
)

// The parameters of a Gateway may set a field, may set some values of it, or may not set it.
const (
	free      = "yes"
	limited   = "some values"
	ofClasses = "no"
)

// decided is every field of GatewayParametersSpec, whole where Kubernetes or Envoy has the type.
var decided = map[string]string{
	"replicas":                      free,
	"autoscaling.minReplicas":       free,
	"autoscaling.maxReplicas":       free,
	"autoscaling.metrics":           free,
	"envoy.image":                   ofClasses,
	"envoy.logLevel":                free,
	"envoy.concurrency":             limited,
	"envoy.resources":               limited,
	"envoy.drainTimeout":            limited,
	"envoy.acceptHTTP10":            free,
	"envoy.bootstrap":               ofClasses,
	"envoy.route":                   free, // those of xds/fields
	"envoy.cluster":                 free,
	"service.type":                  free,
	"service.loadBalancerClass":     free,
	"service.externalTrafficPolicy": free,
	"service.ipFamilyPolicy":        free,
	"service.ipFamilies":            free,
	"service.annotations":           free,
	"client.clientIPDetection.xForwardedFor.numTrustedHops": free, // it is about the clients of this Gateway
	"client.clientIPDetection.xForwardedFor.trustedCIDRs":   free,
	"client.clientIPDetection.directSourceIP":               free,
	"client.proxyProtocol.optional":                         free,
	"client.headers.maxRequestHeaderLimit":                  limited,
	"client.headers.maxRequestHeaders":                      limited,
	"client.maxRequestBodyLimit":                            free,
	"client.maxModelBodyLimit":                              free, // its bounds hold for administrators, too
	"client.timeout.http.requestHeadersReceivedTimeout":     free,
	"client.timeout.http.idleTimeout":                       free,
	"podTemplate":                                           ofClasses,

	"telemetry.accessLog.disable":              free,
	"telemetry.accessLog.format.type":          free,
	"telemetry.accessLog.format.text":          free, // of the operators in xds/ir/logformat
	"telemetry.accessLog.format.json":          free,
	"telemetry.accessLog.filter.minStatusCode": free,
	"telemetry.accessLog.filter.minDuration":   free,
	"telemetry.accessLog.filter.samplingRate":  free,
	"telemetry.metrics.prometheus.disable":     free,
	"telemetry.metrics.enableBackendStats":     free,

	"telemetry.tracing.samplingRate":                   free,
	"telemetry.tracing.samplingFraction":               free,
	"telemetry.tracing.clientSamplingFraction":         free,
	"telemetry.tracing.customTags":                     free,
	"telemetry.tracing.tags":                           free, // of the operators in xds/ir/logformat
	"telemetry.tracing.spanName.client":                free,
	"telemetry.tracing.spanName.server":                free,
	"telemetry.tracing.provider.type":                  free,
	"telemetry.tracing.provider.backendRefs":           free, // of its namespace, or with a grant
	"telemetry.tracing.provider.serviceName":           free,
	"telemetry.tracing.provider.openTelemetry.headers": free,
}

// TestX3EveryFieldIsDecided: a field that is added to the API fails here until its author has decided which users may
// set it, and until the page says so.
func TestX3EveryFieldIsDecided(t *testing.T) {
	page, err := os.ReadFile("../../../docs/gateway.md")
	if err != nil {
		t.Fatal(err)
	}
	paths := fieldPaths(reflect.TypeFor[v1alpha1.GatewayParametersSpec](), "")
	for _, path := range paths {
		if decided[path] == "" {
			t.Errorf("%s: may the parameters of a Gateway set it?", path)
		}
		if row := "| `" + path + "` | " + decided[path]; !strings.Contains(string(page), row) {
			t.Errorf("docs/gateway.md has no row that begins with %q", row)
		}
	}
	if len(paths) != len(decided) {
		t.Errorf("%d fields are decided, and %d exist", len(decided), len(paths))
	}
	for _, field := range privilegedFields {
		if decided[field.path] == free {
			t.Errorf("%s is both free and privileged", field.path)
		}
	}
}

// fieldPaths walks the types of the product.
func fieldPaths(of reflect.Type, above string) (paths []string) {
	for i := range of.NumField() {
		name, _, _ := strings.Cut(of.Field(i).Tag.Get("json"), ",")
		below := of.Field(i).Type
		if below.Kind() == reflect.Pointer {
			below = below.Elem()
		}
		if below.Kind() == reflect.Struct && below.PkgPath() == of.PkgPath() && below.NumField() > 0 {
			paths = append(paths, fieldPaths(below, above+name+".")...)
			continue
		}
		paths = append(paths, above+name)
	}
	return paths
}

// privilegedCases are values and what refuses them in the parameters of a Gateway; empty: nothing does.
var privilegedCases = []struct{ spec, refused string }{
	{"replicas: 3", ""},
	{"autoscaling: {minReplicas: 2, maxReplicas: 5, metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization}}}]}", ""},
	{"service: {type: NodePort, loadBalancerClass: a, externalTrafficPolicy: Local, annotations: {a: b}}", ""},
	{"envoy: {logLevel: trace, route: {timeout: 1s}, cluster: {lb_policy: RANDOM}}", ""},
	{"telemetry: {accessLog: {format: {text: '%REQ(AUTHORIZATION)%'}}, metrics: {prometheus: {disable: true}, enableBackendStats: true}}", ""},
	{"telemetry: {tracing: {samplingRate: 1, provider: {backendRefs: [{name: otel, namespace: other, port: 4317}]}}}", ""},
	{"envoy: {concurrency: 128}", ""},
	{"envoy: {concurrency: 129}", "spec.envoy.concurrency 129 is more than 128"},
	{"envoy: {concurrency: 2147483647}", "spec.envoy.concurrency 2147483647 is more than 128"},
	{"envoy: {drainTimeout: 1h}", ""},
	{"envoy: {drainTimeout: 1h1s}", "spec.envoy.drainTimeout 1h0m1s is longer than 1h0m0s"},
	{"envoy: {resources: {requests: {cpu: 1, memory: 1Gi}, limits: {ephemeral-storage: 1Gi}}}", ""},
	{"envoy: {resources: {limits: {nvidia.com/gpu: 1}}}", "spec.envoy.resources takes nvidia.com/gpu"},
	{"envoy: {resources: {requests: {cpu: 1, hugepages-2Mi: 4Mi}}}", "spec.envoy.resources takes hugepages-2Mi"},
	{"envoy: {resources: {claims: [{name: gpu}]}}", "spec.envoy.resources claims devices"},
	{"envoy: {image: mine}", "spec.envoy.image runs another program"},
	{"envoy: {image: ''}", "spec.envoy.image runs another program"},
	{"envoy: {bootstrap: {}}", "spec.envoy.bootstrap opens files and addresses"},
	{"envoy: {bootstrap: {admin: {address: {}}}}", "spec.envoy.bootstrap opens files and addresses"},
	{"service: {ipFamilyPolicy: PreferDualStack, ipFamilies: [IPv6, IPv4]}", ""},
	{"client: {clientIPDetection: {xForwardedFor: {numTrustedHops: 3}}, proxyProtocol: {optional: true}}", ""},
	{"client: {clientIPDetection: {xForwardedFor: {trustedCIDRs: [0.0.0.0/0]}}, maxRequestBodyLimit: 1Ei}", ""},
	{"client: {timeout: {http: {idleTimeout: 100h, requestHeadersReceivedTimeout: 1h}}}", ""},
	{"client: {headers: {maxRequestHeaderLimit: 256Ki, maxRequestHeaders: 4000}}", ""},
	{"client: {headers: {maxRequestHeaderLimit: 262145}}", "spec.client.headers.maxRequestHeaderLimit 262145 is more than 256Ki"},
	{"client: {headers: {maxRequestHeaders: 4001}}", "spec.client.headers.maxRequestHeaders 4001 is more than 4000"},
	{"podTemplate: {}", "spec.podTemplate runs any Pod"},
	{"podTemplate: {spec: {nodeSelector: {a: b}}}", "spec.podTemplate runs any Pod"},
}

// TestX3GatewayParameters: what is refused is named, all of it; what is split off is exactly that.
func TestX3GatewayParameters(t *testing.T) {
	for _, c := range privilegedCases {
		spec := specOf(t, c.spec)
		err := CheckGatewayParameters(spec)
		if c.refused == "" && err != nil || c.refused != "" && (err == nil || !strings.Contains(err.Error(), c.refused)) {
			t.Errorf("%s: %v, want %q", c.spec, err, c.refused)
		}
		plain, rest := SplitPrivileged(spec)
		if err := CheckGatewayParameters(plain); err != nil {
			t.Errorf("%s: what is left is refused: %v", c.spec, err)
		}
		if merged := MergeParameters(rest, plain); !reflect.DeepEqual(merged, specOf(t, c.spec)) {
			t.Errorf("%s: the halves are %+v", c.spec, merged)
		}
		if moved := !reflect.DeepEqual(rest, v1alpha1.GatewayParametersSpec{}); moved != (c.refused != "") {
			t.Errorf("%s: split off: %+v", c.spec, rest)
		}
	}
	all := specOf(t, "podTemplate: {}\n"+
		"envoy: {image: a, bootstrap: {}, concurrency: 999, drainTimeout: 2h, resources: {claims: [{name: a}]}}\n"+
		"client: {headers: {maxRequestHeaderLimit: 1Mi, maxRequestHeaders: 9999}}")
	err := CheckGatewayParameters(all)
	for _, field := range privilegedFields {
		if err == nil || !strings.Contains(err.Error(), "spec."+field.path+" ") {
			t.Errorf("%v does not name spec.%s", err, field.path)
		}
		refuses := func(c struct{ spec, refused string }) bool { return strings.HasPrefix(c.refused, "spec."+field.path) }
		if !slices.ContainsFunc(privilegedCases, refuses) {
			t.Errorf("%s has no case", field.path)
		}
	}
}

func specOf(t *testing.T, text string) (spec v1alpha1.GatewayParametersSpec) {
	t.Helper()
	if err := yaml.UnmarshalStrict([]byte(text), &spec); err != nil {
		t.Fatal(err)
	}
	return spec
}
