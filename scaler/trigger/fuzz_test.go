package trigger

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/kedify/inference-gateway/api/v1alpha1"
)

// render writes an accepted trigger as metadata again.
func render(spec v1alpha1.HTTPScalerSpec) map[string]string {
	m := renderMetrics(spec)
	if spec.Type == v1alpha1.TriggerEnvoyHTTP {
		return m
	}
	m["hosts"], m["pathPrefixes"] = strings.Join(spec.Hosts, ", "), strings.Join(spec.PathPrefixes, ",")
	if len(spec.Headers) > 0 {
		text, err := json.Marshal(spec.Headers)
		if err != nil {
			panic(err)
		}
		m["headers"] = string(text)
	}
	m["service"], m["portName"], m["fallbackService"] = spec.Backend.Service, spec.Backend.PortName, spec.Backend.FallbackService
	if spec.Backend.Port != nil {
		m["port"] = strconv.Itoa(int(*spec.Backend.Port))
	}
	m["inferencePool"], m["loadbalancing"] = spec.Backend.InferencePool, string(spec.Backend.LoadBalancing)
	m["tlsMode"], m["tlsSecretName"] = string(spec.TLS.Mode), spec.TLS.SecretName
	m["trafficAutowire"] = strings.Join(texts(spec.Autowire), ",")
	m["healthcheckPath"], m["healthcheckResponse"] = spec.HealthCheck.Path, string(spec.HealthCheck.Response)
	m["healthcheckPathPrefix"] = spec.HealthCheck.PathPrefix
	m["coldStartWaitingPageEnabled"] = strconv.FormatBool(spec.Hold.WaitingPage.Enabled)
	m["coldStartWaitingPageConfigMapRef"] = spec.Hold.WaitingPage.ConfigMap
	m["maintenancePageEnabled"], m["maintenancePageConfigMapRef"] = strconv.FormatBool(spec.Maintenance.Enabled), spec.Maintenance.ConfigMap
	if spec.Hold.Timeout != nil {
		m["holdTimeout"] = spec.Hold.Timeout.Duration.String()
	}
	if spec.Hold.MaxPending != nil {
		m["maxPendingRequests"] = strconv.Itoa(int(*spec.Hold.MaxPending))
	}
	m["scaleFromZero"] = "one"
	if spec.Scale.OneStep {
		m["scaleFromZero"] = "needed"
	}
	return m
}

// renderMetrics writes one metric as scalingMetric, several as scalingMetrics.
func renderMetrics(spec v1alpha1.HTTPScalerSpec) map[string]string {
	m := map[string]string{"externalProxyMetricKey": spec.Metric.ExternalProxyMetricKey}
	var items []string
	for _, metric := range spec.Metrics() {
		target := strconv.FormatInt(metric.Target, 10)
		if rate := metric.RequestRate; rate != nil {
			m["window"], m["granularity"] = rate.Window.Duration.String(), rate.Granularity.Duration.String()
		}
		if concurrency := metric.Concurrency; concurrency != nil {
			m["concurrencyAggregation"] = string(concurrency.Aggregation)
		}
		if tokens := metric.TokenRate; tokens != nil {
			m["window"] = tokens.Window.Duration.String()
			m["outputTokenWeight"], m["cachedTokenWeight"] = string(tokens.OutputTokenWeight), string(tokens.CachedTokenWeight)
			m["burstReserve"], m["burstHistory"] = string(tokens.BurstReserve), tokens.BurstHistory.Duration.String()
			m["backlogHorizon"] = tokens.BacklogHorizon.Duration.String()
		}
		if pods := metric.Pods(); pods != nil {
			m["engine"], m["metricsPath"] = string(pods.Engine), pods.Path
			if pods.Port != nil {
				m["metricsPort"] = strconv.Itoa(int(*pods.Port))
			}
		}
		if cache := metric.KVCache; cache != nil {
			target = string(cache.Target)
		}
		if first := metric.TTFT; first != nil {
			target, m["window"] = first.Target.Duration.String(), first.Window.Duration.String()
		}
		items = append(items, string(metric.Type)+":"+target)
	}
	if len(items) > 1 {
		m["scalingMetrics"] = strings.Join(items, ", ")
		return m
	}
	m["scalingMetric"], m["targetValue"], _ = strings.Cut(items[0], ":")
	m["activationTargetValue"] = strconv.FormatInt(spec.Metric.ActivationTarget, 10)
	return m
}

// unmarshal reads lines of "key=value"; "|" stands for a line break in a value.
func unmarshal(text string) map[string]string {
	m := map[string]string{}
	for _, line := range strings.Split(text, "\n") {
		key, value, _ := strings.Cut(line, "=")
		m[key] = strings.ReplaceAll(value, "|", "\n")
	}
	return m
}

// FuzzParse: nothing panics; every problem can be shown and names its key; and what was
// accepted says, written again, the same.
func FuzzParse(f *testing.F) {
	serveAll(f)
	const least = "hosts=a.test\nservice=web\nport=80\nscalingMetric=requestRate\n"
	for _, more := range []string{
		"", "hosts=A.test, *.b.test,*\n", "pathPrefixes=/a/, /b%20c,//\n", "headers=- name: App|  value: foo|- name: x-there|\n",
		`headers=[{"name":"a","valueRegex":"(?i)b+"},{"name":"c","valueWildcard":"\\*?"}]` + "\n", "headers=- &a [*a]\n",
		"port=\nportName=http\nloadbalancing=eds\n", "inferencePool=llm\nport=9002\n", "inferencePool=llm\nservice=\nport=\n",
		"trafficAutowire=service\nfallbackService=b\n", "trafficAutowire=False\n", "tlsMode=reencrypt\ntlsSecretName=c\n",
		"tlsMode=passthrough\n",
		"tlsMode=passthrough\nhealthcheckPath=/h\nmaintenancePageEnabled=true\n",
		"scalingMetric=concurrency\nconcurrencyAggregation=peak\nwindow=9\n", "window=90ms\n", "window=333ms\ngranularity=111.111111ms\n",
		"targetValue=5\nactivationTargetValue=3\nexternalProxyMetricKey=edge\n",
		"healthcheckPath=/h\nhealthcheckResponse=static\n", "healthcheckResponse=pathEmbeddedHost\nhealthcheckPathPrefix=/p/\n",
		"coldStartWaitingPageEnabled=true\ncoldStartWaitingPageConfigMapRef=w\nmaintenancePageEnabled=true\n",
		"scalingMetric=\nscalingMetrics=requestRate:5,concurrency:2\nwindow=9s\n",
		"scalingMetric=tokenRate\ntargetValue=3500\noutputTokenWeight=07.10\nburstReserve=0\nbacklogHorizon=1m30s\nwindow=5s\n",
		"scalingMetric=\nscalingMetrics=ttft:1.5s , kvCache:0.70,queueDepth:4\nengine=vllm\nmetricsPort=8000\nmetricsPath=/m/x\n",
		"scalingMetric=kvCache\ntargetValue=1\nscalingMetrics=,:,ttft\n", "scalingMetrics=ttft:0.5s\nscalingMetric=\ntlsMode=passthrough\n",
		"holdTimeout=90s\nmaxPendingRequests=5\nscaleFromZero=needed\n", "hots=a\nFromEnv=b\ntlsClientKey=c\n",
	} {
		for kind := range uint8(4) {
			f.Add(least+more, kind, "shop", "")
		}
	}
	f.Add(least, uint8(0), "shop", "Blue Green")
	kinds := []string{"kedify-http", "kedify-envoy-http", "external-push", "external"}
	f.Fuzz(func(t *testing.T, text string, kind uint8, name, triggerName string) {
		trigger := Trigger{Type: kinds[int(kind)%len(kinds)], Name: triggerName, Metadata: unmarshal(text)}
		if strings.HasPrefix(trigger.Type, "external") {
			trigger.Metadata["scalerAddress"] = ourAddress
		}
		object := Object{Name: name, Min: ptr[int32](1), Triggers: []Trigger{trigger}}
		result := Parse(object, ourAddress)
		for _, p := range result.Problems {
			// A long or unprintable key is shown in part.
			shown := strings.TrimSuffix(strings.Trim(strings.TrimSuffix(quote(p.Key), "..."), `"`), `\`)
			if !utf8.ValidString(p.String()) || p.Index != 0 || !strings.Contains(p.Message, shown) {
				t.Errorf("problem %+v does not say what it is about", p)
			}
		}
		if !result.Triggers[0].Accepted {
			return
		}
		spec := result.Triggers[0].Spec
		metadata := render(spec)
		if trigger.Type == "external-push" {
			metadata["scalerAddress"] = ourAddress
		}
		object.Triggers[0].Metadata = metadata
		again := Parse(object, ourAddress)
		if errors := Errors(again.Problems); len(errors) > 0 {
			t.Fatalf("accepted, and not when written again: %q\n%v", messages(errors), metadata)
		}
		if diff := cmp.Diff(spec, again.Triggers[0].Spec); diff != "" {
			t.Errorf("changed when written again:\n%s", diff)
		}
		if Identity(spec) != IdentityOf(metadata) && spec.Type == typeOf(Trigger{Type: "external-push", Metadata: metadata}) {
			t.Errorf("identity %s of spec %+v", IdentityOf(metadata), spec)
		}
		if metrics, problems := ParseMetadata(metadata); len(Errors(problems)) > 0 || !cmp.Equal(metrics, spec.Metrics()) {
			t.Errorf("metrics %+v (%q) of %+v", metrics, messages(problems), spec.Metrics())
		}
	})
}

// FuzzWeights: the annotation never panics, and what is accepted can be rendered.
func FuzzWeights(f *testing.F) {
	f.Add("- service: web\n  weight: 80\n- service: canary\n  weight: 20\n")
	f.Add(`[{"service": "a", "weight": 100}]`)
	f.Add("&a [*a]")
	f.Fuzz(func(t *testing.T, text string) {
		weights, err := weightsOf(Object{Annotations: map[string]string{WeightsAnnotation: text}})
		if (err == nil) == (len(weights) == 0) {
			t.Fatalf("weights %v, error %v", weights, err)
		}
		total := int32(0)
		for _, w := range weights {
			total += w.Weight
		}
		if err == nil && total <= 0 {
			t.Errorf("weights %v", weights)
		}
	})
}
