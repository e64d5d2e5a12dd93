package trigger

import (
	"slices"

	"github.com/kedify/inference-gateway/api/v1alpha1"
)

// Metadata keys. Their meaning is in the table below.
const (
	keyHosts        = "hosts"
	keyPathPrefixes = "pathPrefixes"
	keyHeaders      = "headers"

	keyService         = "service"
	keyPort            = "port"
	keyPortName        = "portName"
	keyLoadBalancing   = "loadbalancing"
	keyInferencePool   = "inferencePool"
	keyFallbackService = "fallbackService"

	keyTLSMode       = "tlsMode"
	keyTLSSecretName = "tlsSecretName"

	keyScalingMetric          = "scalingMetric"
	keyTargetValue            = "targetValue"
	keyActivationTargetValue  = "activationTargetValue"
	keyWindow                 = "window"
	keyGranularity            = "granularity"
	keyConcurrencyAggregation = "concurrencyAggregation"
	keyExternalProxyMetricKey = "externalProxyMetricKey"

	keyTrafficAutowire = "trafficAutowire"

	keyHealthcheckPath       = "healthcheckPath"
	keyHealthcheckResponse   = "healthcheckResponse"
	keyHealthcheckPathPrefix = "healthcheckPathPrefix"

	keyWaitingPageEnabled       = "coldStartWaitingPageEnabled"
	keyWaitingPageConfigMap     = "coldStartWaitingPageConfigMapRef"
	keyMaintenancePageEnabled   = "maintenancePageEnabled"
	keyMaintenancePageConfigMap = "maintenancePageConfigMapRef"

	keyHoldTimeout   = "holdTimeout"
	keyMaxPending    = "maxPendingRequests"
	keyScaleFromZero = "scaleFromZero"

	keyScalerAddress = "scalerAddress"
	keyOriginalType  = "originalType"
	keyEnableTLS     = "enableTLS"
	keyUnsafeSSL     = "unsafeSsl"
	keyAuthModes     = "authModes"
)

// Fields outside the metadata that problems are about.
const (
	fieldKind             = "kind"
	fieldName             = "name"
	fieldType             = "type"
	fieldMetricType       = "metricType"
	fieldTriggers         = "triggers"
	fieldUseCachedMetrics = "useCachedMetrics"
	fieldMinReplicas      = "minReplicaCount"
	fieldIdleReplicas     = "idleReplicaCount"
	fieldFallbackReplicas = "fallback.replicas"
)

// Key documents one metadata key.
type Key struct {
	Name string
	// Section groups the keys of a page.
	Section string
	// Values says in words what may be written.
	Values string
	// Default is what leaving the key out amounts to, as one would write it; empty: nothing.
	Default string
	// Meaning is one or two sentences, in Markdown.
	Meaning string
	// Ours says that the vendor's public interface does not have the key.
	Ours bool
	// Envoy says that kedify-envoy-http reads it, too.
	Envoy bool
}

// Sections, in the order of the page.
const (
	sectionRouting = "Routing"
	sectionBackend = "Backend"
	sectionTLS     = "TLS"
	sectionMetric  = "Metric"
	sectionTraffic = "Traffic"
	sectionHealth  = "Health checks"
	sectionPages   = "Waiting and maintenance pages"
	sectionHold    = "From zero"
	sectionKEDA    = "KEDA"
)

// Keys returns every metadata key of kedify-http and kedify-envoy-http, by section.
func Keys() []Key {
	return slices.Concat(routingKeys, backendKeys, tlsKeys, metricKeys, trafficKeys, healthKeys, pageKeys, holdKeys, kedaKeys)
}

var known = func() map[string]Key {
	index := map[string]Key{}
	for _, key := range Keys() {
		index[key.Name] = key
	}
	return index
}()

// readBy says whether triggers of a type read the key.
func (k Key) readBy(kind v1alpha1.TriggerType) bool { return k.Envoy || kind == v1alpha1.TriggerHTTP }

var routingKeys = []Key{
	{Name: keyHosts, Section: sectionRouting, Values: "comma-separated host names, up to 16", Meaning: "Required. " +
		"Names that the application serves: exact, `*.suffix` or `*` alone. They are compared with `Host` or `:authority` " +
		"without the port, and with the server name (SNI) of TLS."},
	{Name: keyPathPrefixes, Section: sectionRouting, Values: "comma-separated paths, up to 64", Default: "/", Meaning: "The " +
		"path must start with one of them, by whole segments: `/foo` takes `/foo/1` and not `/foobar`."},
	{Name: keyHeaders, Section: sectionRouting, Values: "a YAML or JSON list, up to 16 items", Meaning: "Headers that must " +
		"all match. An item has a `name` and at most one of `value` (exact), `valueWildcard` (`*` and `?`, any case) and " +
		"`valueRegex` (RE2, the whole value, any case); with none of them the header must be there. A trigger without `headers` " +
		"takes what the others of its host leave."},
}

var backendKeys = []Key{
	{Name: keyService, Section: sectionBackend, Values: "name of a Service", Meaning: "Required, except with `inferencePool` " +
		"(recommended) and for an Argo Rollout, whose stable and canary Services are used then. Same namespace."},
	{Name: keyPort, Section: sectionBackend, Values: "1 to 65535", Meaning: "Port of the Service. Exactly one of `port` and " +
		"`portName`; with `inferencePool` and no `service`, none is needed. With `inferencePool` the pool's target ports decide, and " +
		"`9002`, the " +
		"proxy's own port for inference, is as good as the Service's."},
	{Name: keyPortName, Section: sectionBackend, Values: "name of a port", Meaning: "Port of the Service by its name."},
	{Name: keyLoadBalancing, Section: sectionBackend, Values: "`dns` or `eds`", Default: "dns", Meaning: "Accepted for " +
		"compatibility: requests are spread over Pods either way. With `inferencePool`: `eds` or nothing."},
	{Name: keyInferencePool, Section: sectionBackend, Values: "name of an InferencePool", Meaning: "Requests go to the pool, " +
		"and its endpoint picker chooses the Pod. Same namespace. Its selector should be the Service's."},
	{Name: keyFallbackService, Section: sectionBackend, Values: "name of a Service", Meaning: "With `trafficAutowire: " +
		"service`, where it is required: the Service with the selector, while `service` has none."},
}

var tlsKeys = []Key{
	{Name: keyTLSMode, Section: sectionTLS, Values: "`plaintext`, `reencrypt` or `passthrough`", Default: "plaintext",
		Meaning: "The way to the application. `reencrypt`, also the default with `tlsSecretName`, ends TLS at the proxy and opens it again, " +
			"with the host " +
			"of the request as server name. The certificate of the application is not verified, " +
			"unless a BackendTLSPolicy of the Service says how. " +
			"HTTP/2 or HTTP/1.1, as the application chooses, unless the `appProtocol` of the port says it: " +
			"WebSockets to an application that offers HTTP/2, too, need `kubernetes.io/wss`. " +
			"`plaintext` with `tlsSecretName` ends TLS at the proxy. " +
			"`passthrough` routes by server name alone, so it excludes `headers`, other `pathPrefixes` than `/` and `inferencePool`; " +
			"connections count as requests."},
	{Name: keyTLSSecretName, Section: sectionTLS, Values: "name of a Secret", Meaning: "Certificate that the proxy presents, of " +
		"type `kubernetes.io/tls`. Required for `reencrypt`."},
}

var metricKeys = []Key{
	{Name: keyScalingMetric, Section: sectionMetric, Values: "`requestRate` or `concurrency`", Envoy: true, Meaning: "Required. " +
		"Requests per second, retries not counted, or requests in flight, held ones included."},
	{Name: keyTargetValue, Section: sectionMetric, Values: "1 to 1000000000", Default: "100", Envoy: true,
		Meaning: "What one replica should get. Whole numbers only."},
	{Name: keyActivationTargetValue, Section: sectionMetric, Values: "0 to 1000000000", Default: "0", Envoy: true, Ours: true,
		Meaning: "The metric must be above it to wake the application from zero."},
	{Name: keyWindow, Section: sectionMetric, Values: "duration, 100ms to 1h", Default: "1m", Envoy: true,
		Meaning: "Span that the request rate is taken over. Ignored with `concurrency`."},
	{Name: keyGranularity, Section: sectionMetric, Values: "duration, 100ms to `window`", Default: "1s", Envoy: true,
		Meaning: "Steps of the window, at most 3600 of them; the default is the window if that is shorter. Ignored with `concurrency`."},
	{Name: keyConcurrencyAggregation, Section: sectionMetric, Values: "`average`, `peak` or `instant`", Default: "average",
		Envoy: true, Ours: true, Meaning: "What is reported of the last 15 s of concurrency: the average over time, the highest average of " +
			"a second, or the number of this moment. Ignored with `requestRate`."},
	{Name: keyExternalProxyMetricKey, Section: sectionMetric, Values: "text", Envoy: true, Meaning: "Count the cluster of this " +
		"name (tag `envoy.cluster_name`) of an Envoy that you run, instead of our proxies. Required for `kedify-envoy-http`."},
}

var trafficKeys = []Key{
	{Name: keyTrafficAutowire, Section: sectionTraffic, Values: "comma-separated kinds, or `false`", Meaning: "Which objects " +
		"may be pointed at the proxy: `httproute`, `ingress`, `virtualservice`, `route` (OpenShift), or `service` alone. " +
		"`gloo` is accepted and never wired. Without the key: all kinds but `service`. `false`: none. No object is wired yet. " +
		"While one leads to the application past the proxy, or the key names a kind, the demand is unknown until a first request " +
		"comes through the proxy: KEDA gets an error and keeps the replicas. `false` says that the requests come through the proxy."},
}

var healthKeys = []Key{
	{Name: keyHealthcheckPath, Section: sectionHealth, Values: "a path", Meaning: "Requests for exactly this path are health " +
		"checks: they neither count nor wake the application."},
	{Name: keyHealthcheckResponse, Section: sectionHealth, Values: "`passthrough`, `static` or `pathEmbeddedHost`", Default: "passthrough",
		Meaning: "`passthrough`: the application answers, and the proxy while there is none. `static`: always the proxy. " +
			"`pathEmbeddedHost`: see `healthcheckPathPrefix`."},
	{Name: keyHealthcheckPathPrefix, Section: sectionHealth, Values: "a path", Meaning: "With `pathEmbeddedHost`: requests below " +
		"this prefix, for any host, reach the application without the prefix. For load balancers that probe by address."},
}

var pageKeys = []Key{
	{Name: keyWaitingPageEnabled, Section: sectionPages, Values: "`true` or `false`", Default: "false", Meaning: "Answer at once " +
		"with a page instead of holding requests while nothing is ready."},
	{Name: keyWaitingPageConfigMap, Section: sectionPages, Values: "name of a ConfigMap", Meaning: "Its keys " +
		"`coldStartWaitingPageBody`, `coldStartWaitingPageStatusCode` and `coldStartWaitingPageRetryAfter` replace the page of the install."},
	{Name: keyMaintenancePageEnabled, Section: sectionPages, Values: "`true` or `false`", Default: "false",
		Meaning: "Answer every request with a page. Named by analogy: the vendor's name of this key is not public."},
	{Name: keyMaintenancePageConfigMap, Section: sectionPages, Values: "name of a ConfigMap", Meaning: "Its keys " +
		"`maintenancePageBody` and `maintenancePageStatusCode` replace the page of the install."},
}

var holdKeys = []Key{
	{Name: keyHoldTimeout, Section: sectionHold, Values: "duration, 1s to 1h", Ours: true, Meaning: "How long a request waits " +
		"for a ready Pod before it is answered 504. Without the key: the value of the install."},
	{Name: keyMaxPending, Section: sectionHold, Values: "1 to 1000000", Ours: true, Meaning: "How many requests may wait; more are " +
		"answered 503. Without the key: the value of the install."},
	{Name: keyScaleFromZero, Section: sectionHold, Values: "`one` or `needed`", Default: "one", Ours: true, Meaning: "Start one " +
		"replica, or at once as many as the held requests need (held divided by `targetValue`, within `maxReplicaCount`)."},
}

var kedaKeys = []Key{
	{Name: keyScalerAddress, Section: sectionKEDA, Values: "host:port", Envoy: true, Meaning: "Address of our scaler. Admission " +
		"sets it; in the native spelling you do."},
	{Name: keyOriginalType, Section: sectionKEDA, Values: "`kedify-http` or `kedify-envoy-http`", Envoy: true, Ours: true,
		Meaning: "Mark of admission: the type before it became `external-push`."},
	{Name: keyEnableTLS, Section: sectionKEDA, Values: "`true` or `false`", Default: "false", Envoy: true,
		Meaning: "KEDA's own: TLS to our scaler."},
	{Name: keyUnsafeSSL, Section: sectionKEDA, Values: "`true` or `false`", Default: "false", Envoy: true,
		Meaning: "KEDA's own: do not verify our certificate."},
	{Name: keyAuthModes, Section: sectionKEDA, Values: "text", Envoy: true, Meaning: "KEDA's own, not read here."},
}
