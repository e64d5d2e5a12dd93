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
	keyModel        = "model"

	keyService         = "service"
	keyPort            = "port"
	keyPortName        = "portName"
	keyLoadBalancing   = "loadbalancing"
	keyInferencePool   = "inferencePool"
	keyFallbackService = "fallbackService"

	keyTLSMode       = "tlsMode"
	keyTLSSecretName = "tlsSecretName"

	keyScalingMetric          = "scalingMetric"
	keyScalingMetrics         = "scalingMetrics"
	keyTargetValue            = "targetValue"
	keyActivationTargetValue  = "activationTargetValue"
	keyWindow                 = "window"
	keyGranularity            = "granularity"
	keyConcurrencyAggregation = "concurrencyAggregation"
	keyExternalProxyMetricKey = "externalProxyMetricKey"

	keyOutputTokenWeight = "outputTokenWeight"
	keyCachedTokenWeight = "cachedTokenWeight"
	keyBurstReserve      = "burstReserve"
	keyBurstHistory      = "burstHistory"
	keyBacklogHorizon    = "backlogHorizon"
	keyBurstScaling      = "burstScaling"
	keyEngine            = "engine"
	keyMetricsPort       = "metricsPort"
	keyMetricsPath       = "metricsPath"

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
	fieldCooldown         = "cooldownPeriod"
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
	// Ours says that this product added the key: the vendor's public interface does not have it.
	Ours bool
	// Envoy says that kedify-envoy-http reads it, too.
	Envoy bool
	// Metrics that read the key; empty: any.
	Metrics []v1alpha1.MetricType
}

// Sections, in the order of the page.
const (
	sectionRouting = "Routing"
	sectionBackend = "Backend"
	sectionTLS     = "TLS"
	sectionMetric  = "Metric"
	sectionModels  = "Metrics of models"
	sectionTraffic = "Traffic"
	sectionHealth  = "Health checks"
	sectionPages   = "Waiting and maintenance pages"
	sectionHold    = "From zero"
	sectionKEDA    = "KEDA"
)

// Keys returns every metadata key of kedify-http and kedify-envoy-http, by section, without those of metrics that are not served.
func Keys() []Key {
	all := slices.Concat(routingKeys, backendKeys, tlsKeys, metricKeys(), modelKeys, trafficKeys, healthKeys, pageKeys, holdKeys, kedaKeys)
	return slices.DeleteFunc(all, func(key Key) bool {
		return len(key.Metrics) > 0 && !slices.ContainsFunc(key.Metrics, served)
	})
}

// readWith says whether triggers with these metrics read the key.
func (k Key) readWith(metrics []v1alpha1.HTTPScalerMetric) bool {
	return slices.ContainsFunc(metrics, func(metric v1alpha1.HTTPScalerMetric) bool { return slices.Contains(k.Metrics, metric.Type) })
}

// readBy says whether triggers of a type read the key.
func (k Key) readBy(kind v1alpha1.TriggerType) bool { return k.Envoy || kind == v1alpha1.TriggerHTTP }

var routingKeys = []Key{
	{Name: keyHosts, Section: sectionRouting, Values: "comma-separated host names, up to 16", Meaning: "Required. " +
		"Host names of the application: exact, `*.suffix` or `*` alone. They are compared with `Host` or `:authority` " +
		"without the port, and with the server name (SNI) of TLS."},
	{Name: keyPathPrefixes, Section: sectionRouting, Values: "comma-separated paths, up to 64", Default: "/", Meaning: "The " +
		"path must start with one of them, by whole segments: `/foo` matches `/foo/1` and not `/foobar`. An asterisk matches itself alone: " +
		"`/foo/*` is taken with a warning, and `/foo` is what is meant."},
	{Name: keyHeaders, Section: sectionRouting, Values: "a YAML or JSON list, up to 16 items", Meaning: "Headers that must " +
		"all match. An item has a `name` and at most one of `value` (exact), `valueWildcard` (`*` and `?`, any case) and " +
		"`valueRegex` (RE2, the whole value, any case); with none of them the header must be present. A trigger without `headers` " +
		"gets the requests that match no other trigger of its host."},
	{Name: keyModel, Section: sectionRouting, Values: "comma-separated names, up to 16", Ours: true, Meaning: "Models that the JSON body of " +
		"a request asks for (`model` of its object): exact, or with an asterisk at the end for all names that begin so; `*` alone takes every " +
		"request that asks for one. Several triggers may share hosts and paths by it, and each wakes and scales its own application. " +
		"A trigger without `model` gets the requests that no other trigger of its host takes. " +
		"[Route by the model](inference.md#route-by-the-model) has the limits of bodies."},
}

var backendKeys = []Key{
	{Name: keyService, Section: sectionBackend, Values: "name of a Service", Meaning: "Required, except with `inferencePool` " +
		"(recommended) and for an Argo Rollout, whose stable and canary Services are used then. Same namespace."},
	{Name: keyPort, Section: sectionBackend, Values: "1 to 65535", Meaning: "Port of the Service. Exactly one of `port` and " +
		"`portName`; with `inferencePool` and no `service`, none is needed. With `inferencePool`, requests go to the pool's target ports; " +
		"the value is then a port of the Service or `9002`, the proxy's port for inference."},
	{Name: keyPortName, Section: sectionBackend, Values: "name of a port", Meaning: "Port of the Service by its name."},
	{Name: keyLoadBalancing, Section: sectionBackend, Values: "`dns` or `eds`", Default: "dns", Meaning: "Accepted for " +
		"compatibility: requests are spread over Pods either way. With `inferencePool`: `eds` or nothing."},
	{Name: keyInferencePool, Section: sectionBackend, Values: "name of an InferencePool", Meaning: "Requests go to the pool, " +
		"and its endpoint picker chooses the Pod. Same namespace. Its selector should equal that of the Service."},
	{Name: keyFallbackService, Section: sectionBackend, Values: "name of a Service", Meaning: "Required with `trafficAutowire: service`, " +
		"ignored otherwise: the Service with the selector, while `service` has none."},
}

var tlsKeys = []Key{
	{Name: keyTLSMode, Section: sectionTLS, Values: "`plaintext`, `reencrypt` or `passthrough`", Default: "plaintext",
		Meaning: "Protocol to the application. `reencrypt`, the default with `tlsSecretName`, terminates TLS at the proxy and opens a TLS " +
			"connection to the application, with the host of the request as server name. The certificate of the application is not verified " +
			"unless a BackendTLSPolicy targets the Service. " +
			"The application chooses HTTP/2 or HTTP/1.1 (ALPN), unless the port has an `appProtocol`: " +
			"WebSockets to an application that also offers HTTP/2 need `kubernetes.io/wss`. " +
			"`plaintext` with `tlsSecretName` terminates TLS at the proxy. " +
			"`passthrough` routes by server name alone, so it excludes `headers`, other `pathPrefixes` than `/` and `inferencePool`; " +
			"connections count as requests."},
	{Name: keyTLSSecretName, Section: sectionTLS, Values: "name of a Secret", Meaning: "Certificate that the proxy presents, of " +
		"type `kubernetes.io/tls`. Required for `reencrypt`."},
}

var trafficKeys = []Key{
	{Name: keyTrafficAutowire, Section: sectionTraffic, Values: "comma-separated kinds, or `false`", Meaning: "Which objects " +
		"may be pointed at the proxy: `httproute`, `ingress`, `virtualservice`, `route` (OpenShift), or `service` alone. " +
		"`gloo` is accepted and never wired. Without the key: all kinds but `service`. `false`: none; it says that the requests come " +
		"through the proxy. Objects are wired with `autowire.enabled` of the chart alone; the condition `Rewired` says which, or why not. " +
		"Until it is True, or a first request comes through the proxy, the demand is unknown while an object leads to the application past " +
		"the proxy or the key names a kind: KEDA gets an error and keeps the replicas."},
}

var healthKeys = []Key{
	{Name: keyHealthcheckPath, Section: sectionHealth, Values: "a path", Meaning: "Requests for exactly this path are health " +
		"checks: they do not count as demand and do not wake the application."},
	{Name: keyHealthcheckResponse, Section: sectionHealth, Values: "`passthrough`, `static` or `pathEmbeddedHost`", Default: "passthrough",
		Meaning: "`passthrough`: the application answers, or the proxy while no Pod is ready. `static`: the proxy always answers. " +
			"`pathEmbeddedHost`: see `healthcheckPathPrefix`."},
	{Name: keyHealthcheckPathPrefix, Section: sectionHealth, Values: "a path", Meaning: "With `pathEmbeddedHost`: requests below " +
		"this prefix, for any host, reach the application without the prefix. For load balancers that probe by address."},
}

var pageKeys = []Key{
	{Name: keyWaitingPageEnabled, Section: sectionPages, Values: "`true` or `false`", Default: "false", Meaning: "Answer at once " +
		"with a page instead of holding requests while no Pod is ready."},
	{Name: keyWaitingPageConfigMap, Section: sectionPages, Values: "name of a ConfigMap", Meaning: "Its keys " +
		"`coldStartWaitingPageBody`, `coldStartWaitingPageStatusCode` and `coldStartWaitingPageRetryAfter` replace the page of the install."},
	{Name: keyMaintenancePageEnabled, Section: sectionPages, Values: "`true` or `false`", Default: "false",
		Meaning: "Answer every request with a page. Named by analogy: the vendor's name of this key is not public."},
	{Name: keyMaintenancePageConfigMap, Section: sectionPages, Values: "name of a ConfigMap", Meaning: "Its keys " +
		"`maintenancePageBody` and `maintenancePageStatusCode` replace the page of the install."},
}

var holdKeys = []Key{
	{Name: keyHoldTimeout, Section: sectionHold, Values: "duration, 1s to 1h", Ours: true, Meaning: "Time that Envoy holds a request " +
		"without a ready Pod; then the answer is 504. Default: `hold.timeout` of the chart, 55s."},
	{Name: keyMaxPending, Section: sectionHold, Values: "1 to 1000000", Ours: true, Meaning: "Requests that are held at most; the answer to " +
		"further ones is 503. Default: `hold.maxPending` of the chart, 1000."},
	{Name: keyScaleFromZero, Section: sectionHold, Values: "`one` or `needed`", Default: "one", Ours: true, Meaning: "Start one " +
		"replica, or at once as many as the held requests need (held divided by `targetValue`; for metrics of models, their value " +
		"divided by it; within `maxReplicaCount`)."},
	{Name: keyBurstScaling, Section: sectionHold, Values: "`true` or `false`", Default: "false", Ours: true,
		Metrics: []v1alpha1.MetricType{v1alpha1.RequestRate, v1alpha1.Concurrency, v1alpha1.TokenRate, v1alpha1.QueueDepth},
		Meaning: "Raise the replicas every 2 s instead of every 15 s, in addition to the HPA: at most as much as an HPA may in 15 s (4 " +
			"more, or twice as many), up to `maxReplicaCount`, never down, not from zero, and not while the ScaledObject is paused. " +
			"KEDA then gets the highest value of the last 30 s. Refused beside a formula in `scalingModifiers`."},
}

var kedaKeys = []Key{
	{Name: keyScalerAddress, Section: sectionKEDA, Values: "host:port", Envoy: true, Meaning: "Address of the product's external scaler. " +
		"Admission sets it for kedify types; with the native type you set it."},
	{Name: keyOriginalType, Section: sectionKEDA, Values: "`kedify-http` or `kedify-envoy-http`", Envoy: true, Ours: true,
		Meaning: "Set by admission: the type before the rewrite to `external-push`."},
	{Name: keyEnableTLS, Section: sectionKEDA, Values: "`true` or `false`", Default: "false", Envoy: true,
		Meaning: "Read by KEDA: TLS to the scaler."},
	{Name: keyUnsafeSSL, Section: sectionKEDA, Values: "`true` or `false`", Default: "false", Envoy: true,
		Meaning: "Read by KEDA: do not verify the certificate of the scaler."},
	{Name: keyAuthModes, Section: sectionKEDA, Values: "text", Envoy: true, Meaning: "Read by KEDA only."},
}
