package sweep

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	kedav1alpha1 "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"k8s.io/apimachinery/pkg/util/managedfields/managedfieldstest"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/yaml"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/apitest"
	"github.com/kedify/inference-gateway/controllers/scaledobject/plan"
	"github.com/kedify/inference-gateway/scaler/trigger"
)

// applies is an API server that merges what is applied under one field manager, and then refuses what the
// schema of the CRD does not take. A real one decodes nothing between the two: a null that the merge
// leaves is refused.
type applies struct {
	schemas Schemas
	scaler  managedfields.TypeConverter
	live    map[string]*unstructured.Unstructured
}

// apply applies an object and returns what became of it.
func (a *applies) apply(content map[string]any) (*unstructured.Unstructured, error) {
	desired := &unstructured.Unstructured{Object: copied(content).(map[string]any)}
	gvk := desired.GroupVersionKind()
	converter := managedfields.NewDeducedTypeConverter()
	if gvk.Kind == "HTTPScaler" {
		converter = a.scaler
	}
	name := gvk.Kind + " " + desired.GetName()
	live := a.live[name]
	if live == nil {
		live = &unstructured.Unstructured{}
		live.SetGroupVersionKind(gvk)
	}
	merged, err := managedfieldstest.NewFakeFieldManager(converter, gvk).Apply(live, desired, "kedify-gateway", true)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	result := merged.(*unstructured.Unstructured)
	if schema := a.schemas[gvk.Kind]; schema != nil {
		if errs := validation.ValidateCustomResource(nil, result.Object, schema.values); len(errs) > 0 {
			return result, fmt.Errorf("%s: %w", name, errs.ToAggregate())
		}
	}
	a.live[name] = result
	return result, nil
}

// surroundingsOfKeys is what the settings below refer to.
const surroundingsOfKeys = `
- {kind: Service, metadata: {name: web, namespace: shop},
    spec: {selector: {app: web}, ports: [{name: web, port: 80}, {name: tls, port: 443}]}}
- {kind: Service, metadata: {name: other, namespace: shop}, spec: {selector: {app: web}, ports: [{name: web, port: 80}]}}
- kind: InferencePool
  metadata: {name: model, namespace: shop}
  spec:
    selector: {matchLabels: {app: web}}
    targetPorts: [{number: 8000}]
    endpointPickerRef: {group: "", kind: Service, name: other, port: {number: 80}}
`

// settings switches every optional key on, in each of its ways; an empty value removes a key. A key without a row
// fails the test.
var settings = map[string][]map[string]string{
	"pathPrefixes": {{"pathPrefixes": "/a,/b"}, {"pathPrefixes": "/"}},
	"headers": {{"headers": `[{"name": "x-a", "value": "b"}, {"name": "x-c"}]`},
		{"headers": `[{"name": "x-a", "valueRegex": "b.*"}]`}},
	"model":           {{"model": "llama"}, {"model": "llama-*,qwen"}, {"model": "*"}},
	"portName":        {{"portName": "tls", "port": ""}},
	"loadbalancing":   {{"loadbalancing": "eds"}},
	"inferencePool":   {{"inferencePool": "model"}, {"inferencePool": "model", "service": "", "port": ""}},
	"fallbackService": {{"fallbackService": "other", "trafficAutowire": "service"}},
	"tlsMode":         {{"tlsMode": "passthrough"}, {"tlsMode": "reencrypt", "tlsSecretName": "certificate"}, {"tlsMode": "plaintext"}},
	"tlsSecretName":   {{"tlsSecretName": "certificate"}},

	"targetValue":            {{"targetValue": "10"}},
	"activationTargetValue":  {{"activationTargetValue": "5"}},
	"window":                 {{"window": "10s"}},
	"granularity":            {{"granularity": "2s"}},
	"concurrencyAggregation": {{"concurrencyAggregation": "peak", "scalingMetric": "concurrency"}},
	"externalProxyMetricKey": {{"externalProxyMetricKey": "outbound"}},
	"scalingMetrics": {
		{"scalingMetrics": "requestRate:10,concurrency:5", "scalingMetric": "", "targetValue": ""},
		{"scalingMetrics": "tokenRate:600,queueDepth:4,kvCache:0.7,ttft:2s", "scalingMetric": "", "targetValue": ""},
	},
	"outputTokenWeight": {{"outputTokenWeight": "3.5", "scalingMetric": "tokenRate", "targetValue": "600"}},
	"cachedTokenWeight": {{"cachedTokenWeight": "0", "scalingMetric": "tokenRate", "targetValue": "600"}},
	"burstReserve":      {{"burstReserve": "0", "scalingMetric": "tokenRate", "targetValue": "600"}},
	"burstHistory":      {{"burstHistory": "5m", "scalingMetric": "tokenRate", "targetValue": "600"}},
	"backlogHorizon":    {{"backlogHorizon": "10s", "scalingMetric": "tokenRate", "targetValue": "600"}},
	"burstScaling":      {{"burstScaling": "true"}, {"burstScaling": "false"}},
	"engine": {
		{"engine": "vllm", "scalingMetric": "queueDepth", "targetValue": "5"},
		{"engine": "auto", "scalingMetric": "kvCache", "targetValue": "0.7"},
	},
	"metricsPort":     {{"metricsPort": "9000", "scalingMetric": "queueDepth", "targetValue": "5"}},
	"metricsPath":     {{"metricsPath": "/stats", "scalingMetric": "kvCache", "targetValue": "0.7"}},
	"trafficAutowire": {{"trafficAutowire": "false"}, {"trafficAutowire": "ingress,httproute"}},

	"healthcheckPath":       {{"healthcheckPath": "/healthz"}},
	"healthcheckResponse":   {{"healthcheckPath": "/healthz", "healthcheckResponse": "static"}},
	"healthcheckPathPrefix": {{"healthcheckResponse": "pathEmbeddedHost", "healthcheckPathPrefix": "/probe"}},

	"coldStartWaitingPageEnabled":      {{"coldStartWaitingPageEnabled": "true"}, {"coldStartWaitingPageEnabled": "false"}},
	"coldStartWaitingPageConfigMapRef": {{"coldStartWaitingPageEnabled": "true", "coldStartWaitingPageConfigMapRef": "pages"}},
	"maintenancePageEnabled":           {{"maintenancePageEnabled": "true"}, {"maintenancePageEnabled": "false"}},
	"maintenancePageConfigMapRef":      {{"maintenancePageEnabled": "true", "maintenancePageConfigMapRef": "pages"}},

	"holdTimeout":        {{"holdTimeout": "30s"}},
	"maxPendingRequests": {{"maxPendingRequests": "10"}},
	"scaleFromZero":      {{"scaleFromZero": "needed"}},

	"scalerAddress": {{"scalerAddress": addressOfKeys}},
	"originalType":  {{"originalType": "kedify-http"}},
	"enableTLS":     {{"enableTLS": "true"}},
	"unsafeSsl":     {{"unsafeSsl": "true"}},
	"authModes":     {{"authModes": "tls"}},
}

// required keys cannot be off.
var required = map[string]bool{"hosts": true, "service": true, "port": true, "scalingMetric": true}

// scales are what the ScaledObject says beside its trigger.
var scales = map[string]func(*kedav1alpha1.ScaledObject){
	"minReplicaCount":  func(so *kedav1alpha1.ScaledObject) { so.Spec.MinReplicaCount = ptr.To[int32](2) },
	"idleReplicaCount": func(so *kedav1alpha1.ScaledObject) { so.Spec.IdleReplicaCount = ptr.To[int32](0) },
	"fallback":         func(so *kedav1alpha1.ScaledObject) { so.Spec.Fallback = &kedav1alpha1.Fallback{Replicas: 2} },
	"formula": func(so *kedav1alpha1.ScaledObject) {
		so.Spec.Advanced = &kedav1alpha1.AdvancedConfig{ScalingModifiers: kedav1alpha1.ScalingModifiers{Formula: "web * 2", Target: "10"}}
	},
	"paused":          annotated("autoscaling.keda.sh/paused", "true"),
	"paused-replicas": annotated("autoscaling.keda.sh/paused-replicas", "0"),
	"wired-service":   annotated(v1alpha1.WiredServiceAnnotation, "true"),
}

func annotated(name, value string) func(*kedav1alpha1.ScaledObject) {
	return func(so *kedav1alpha1.ScaledObject) { so.Annotations = map[string]string{name: value} }
}

const addressOfKeys = "kedify-gateway.kedify-system.svc:9090"

func withMetadata(changes map[string]string) func(*kedav1alpha1.ScaledObject) {
	return func(so *kedav1alpha1.ScaledObject) {
		for key, value := range changes {
			if so.Spec.Triggers[0].Metadata[key] = value; value == "" {
				delete(so.Spec.Triggers[0].Metadata, key)
			}
		}
	}
}

// edited is the other edit that is made together with a setting.
func edited(so *kedav1alpha1.ScaledObject) {
	withMetadata(map[string]string{"hosts": "b.test,c.test", "targetValue": "7"})(so)
	so.Spec.MaxReplicaCount = ptr.To[int32](3)
}

// TestS1OptionalKeysOnAndOff: every optional key of a trigger is switched on, off, on, and off together with another
// edit. Each time the API server takes every object, and each object is what it would be if it were new.
func TestS1OptionalKeysOnAndOff(t *testing.T) {
	schemas, err := readSchemas()
	if err != nil {
		t.Fatal(err)
	}
	var others []map[string]any
	if err := yaml.Unmarshal([]byte(surroundingsOfKeys), &others); err != nil {
		t.Fatal(err)
	}
	table := map[string]func(*kedav1alpha1.ScaledObject){}
	for _, key := range trigger.Keys() {
		if len(settings[key.Name]) == 0 && !required[key.Name] {
			t.Errorf("no setting switches %s on", key.Name)
		}
		for i, changes := range settings[key.Name] {
			table[fmt.Sprint(key.Name, " ", i)] = withMetadata(changes)
		}
	}
	for name, change := range scales {
		table[name] = change
	}
	converter := apitest.Converters(t)[0]
	for name, on := range table {
		t.Run(name, func(t *testing.T) {
			a := &applies{schemas: schemas, scaler: converter, live: map[string]*unstructured.Unstructured{}}
			for _, step := range []struct {
				name    string
				changes []func(*kedav1alpha1.ScaledObject)
			}{
				{"before", nil}, {"on", changesOf(on)}, {"off", nil}, {"on again", changesOf(on)}, {"off with another edit", changesOf(edited)},
				{"on with another edit off", changesOf(on)}, {"both on", changesOf(edited, on)}, {"both off", nil},
			} {
				a.step(t, step.name, others, step.changes)
			}
		})
	}
}

func changesOf(changes ...func(*kedav1alpha1.ScaledObject)) []func(*kedav1alpha1.ScaledObject) {
	return changes
}

// step applies what a changed ScaledObject becomes.
func (a *applies) step(t *testing.T, name string, others []map[string]any, changes []func(*kedav1alpha1.ScaledObject)) {
	t.Helper()
	planned := map[string]bool{}
	for _, content := range plannedFor(t, others, changes) {
		merged, err := a.apply(content)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		planned[identityOf(merged)] = true
		fresh, err := (&applies{schemas: a.schemas, scaler: a.scaler, live: map[string]*unstructured.Unstructured{}}).apply(content)
		if err != nil {
			t.Errorf("%s, as a new object: %v", name, err)
			continue
		}
		if diff := cmp.Diff(fresh.Object["spec"], merged.Object["spec"]); diff != "" {
			t.Errorf("%s: %s differs from a new one (- new, + applied over the old one):\n%s", name, identityOf(merged), diff)
		}
	}
	for of := range a.live {
		if !planned[of] {
			delete(a.live, of) // pruned by the controller
		}
	}
}

func identityOf(object *unstructured.Unstructured) string {
	return object.GetKind() + " " + object.GetName()
}

// plannedFor are the objects of a ScaledObject.
func plannedFor(t *testing.T, others []map[string]any, changes []func(*kedav1alpha1.ScaledObject)) (objects []map[string]any) {
	t.Helper()
	so := &kedav1alpha1.ScaledObject{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web", UID: "uid"},
		Spec: kedav1alpha1.ScaledObjectSpec{
			ScaleTargetRef: &kedav1alpha1.ScaleTarget{Name: "web"},
			Triggers: []kedav1alpha1.ScaleTriggers{{Type: "kedify-http", Metadata: map[string]string{
				"hosts": "a.test", "service": "web", "port": "80", "scalingMetric": "requestRate",
			}}},
		},
	}
	for _, change := range changes {
		change(so)
	}
	made := plan.Make(plan.World{
		Setting: plan.Setting{
			Proxy: types.NamespacedName{Namespace: "shop", Name: v1alpha1.ProxyGatewayName}, ClassName: v1alpha1.GatewayClassName,
			ScalerAddress: addressOfKeys, CountsOthers: true,
		},
		Find: newFinder(others), ScaledObjects: []*kedav1alpha1.ScaledObject{so},
	})
	scalers := 0
	for _, object := range made.Objects {
		content, err := applied(object)
		if err != nil {
			t.Fatal(err)
		}
		if content["kind"] == "HTTPScaler" {
			scalers++
		}
		objects = append(objects, content)
	}
	if scalers != 1 {
		text, _ := json.Marshal(made.Events)
		t.Fatalf("%d HTTPScalers; events %s", scalers, text)
	}
	return objects
}

// TestS1EmptyBlockIsRefused: what the table above would find. A block that loses the last field that was applied is null
// after the merge.
func TestS1EmptyBlockIsRefused(t *testing.T) {
	schemas, err := readSchemas()
	if err != nil {
		t.Fatal(err)
	}
	a := &applies{schemas: schemas, scaler: apitest.Converters(t)[0], live: map[string]*unstructured.Unstructured{}}
	var others []map[string]any
	if err := yaml.Unmarshal([]byte(surroundingsOfKeys), &others); err != nil {
		t.Fatal(err)
	}
	for _, content := range plannedFor(t, others, nil) {
		if content["kind"] != "HTTPScaler" {
			continue
		}
		spec := content["spec"].(map[string]any)
		spec["maintenance"] = map[string]any{"enabled": true}
		if _, err := a.apply(content); err != nil {
			t.Fatal(err)
		}
		spec["maintenance"] = map[string]any{}
		if _, err := a.apply(content); err == nil || !strings.Contains(err.Error(), "spec.maintenance") {
			t.Errorf("an empty block: %v", err)
		}
	}
}
