package charts_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/admission/plugin/cel"
	"k8s.io/apiserver/pkg/admission/plugin/policy/mutating/patch"
	"k8s.io/apiserver/pkg/admission/plugin/policy/validating"
	"k8s.io/apiserver/pkg/admission/plugin/webhook/matchconditions"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"k8s.io/apiserver/pkg/cel/environment"

	"github.com/kedify/inference-gateway/scaler/trigger"
	"github.com/kedify/inference-gateway/webhook"
)

// candidates is how many random objects each configuration of the chart is compared on.
const candidates = 500

var (
	scaledObjectKind     = schema.GroupVersionKind{Group: "keda.sh", Version: "v1alpha1", Kind: "ScaledObject"}
	scaledObjectResource = schema.GroupVersionResource{Group: "keda.sh", Version: "v1alpha1", Resource: "scaledobjects"}
)

// TestPolicyIsTheRule evaluates the CEL of the rendered chart as the API server does, and compares
// it with the rules in Go on random ScaledObjects: the admission policy changes what
// trigger.Rewriting changes, both match conditions let through what must be looked at, and what was
// rewritten once stays as it is.
func TestPolicyIsTheRule(t *testing.T) {
	const service = "kedify-gateway.kedify-system.svc.cluster.local:9090"
	for set, rule := range map[string]trigger.Rewriting{
		"keda.tls.enabled=false": {ScalerAddress: service, Authentication: trigger.Authentication{Name: "kedify-gateway"}},
		"keda.tls.enabled=true":  {ScalerAddress: service, Authentication: trigger.Authentication{Name: "kedify-gateway", Required: true}},
		"keda.scalerAddress=scaler.example.com:9090,nameOverride=gw": {
			ScalerAddress: "scaler.example.com:9090", Authentication: trigger.Authentication{Name: "gw"}},
	} {
		t.Run(set, func(t *testing.T) {
			objects := rendered(t, policies, "--set", set)
			policy := compile(t, find[*admissionregistrationv1.MutatingAdmissionPolicy](t, objects))
			asked := conditions(t, find[*admissionregistrationv1.ValidatingWebhookConfiguration](t, objects).Webhooks[0].MatchConditions)
			legacy := conditions(t, find[*admissionregistrationv1.MutatingWebhookConfiguration](t,
				rendered(t, "--kube-version=1.33.0", "--set", set)).Webhooks[0].MatchConditions)
			seed := rand.Uint64()
			random := rand.New(rand.NewPCG(seed, 0))
			rewrittenOnes := 0
			for range candidates {
				object := randomObject(random, rule)
				want := rewrite(t, rule, object)
				changed := want != nil
				if !changed {
					want = object
				} else {
					rewrittenOnes++
				}
				if matches := policy.matches(t, object); changed && !matches {
					t.Fatalf("seed %d: the policy does not look at %v", seed, object.Object)
				}
				if changed && !legacy.matches(t, object) {
					t.Fatalf("seed %d: the mutating webhook is not asked about %v", seed, object.Object)
				}
				got := policy.patched(t, object)
				if diff := cmp.Diff(want.Object, got.Object); diff != "" {
					t.Fatalf("seed %d: %v\nthe policy differs from the rule (- rule, + policy):\n%s", seed, object.Object, diff)
				}
				if again := rewrite(t, rule, got); again != nil {
					t.Fatalf("seed %d: rewritten twice: %v", seed, again.Object)
				}
				if concerns := concerned(t, rule, object); concerns != asked.matches(t, object) {
					t.Fatalf("seed %d: the validating webhook is asked: %v, want %v: %v", seed, !concerns, concerns, object.Object)
				}
			}
			if rewrittenOnes < candidates/10 || rewrittenOnes == candidates {
				t.Errorf("%d of %d objects are rewritten: the comparison says little", rewrittenOnes, candidates)
			}
		})
	}
}

// randomObject is a ScaledObject as the schema of KEDA takes it, with up to three triggers.
func randomObject(random *rand.Rand, rule trigger.Rewriting) *unstructured.Unstructured {
	one := func(texts ...string) string { return texts[random.IntN(len(texts))] }
	triggers := []any{}
	for range random.IntN(4) {
		metadata := map[string]any{}
		for key, values := range map[string][]string{
			"scalerAddress": {rule.ScalerAddress, "DNS:///" + rule.ScalerAddress, "kedify-gateway.kedify-system:9090", "other:9090", ""},
			"originalType":  {"kedify-http", "kedify-envoy-http", "http", ""},
			"hosts":         {"a.test", ""}, "scalingMetric": {"requestRate"}, "scalingMetrics": {"requestRate:5"}, "externalProxyMetricKey": {"edge"},
		} {
			if random.IntN(2) == 0 {
				metadata[key] = one(values...)
			}
		}
		content := map[string]any{"type": one("kedify-http", "kedify-envoy-http", "external-push", "external", "cron"), "metadata": metadata}
		if random.IntN(2) == 0 {
			reference := map[string]any{"name": one(rule.Authentication.Name, "mine")}
			if random.IntN(3) > 0 {
				reference["kind"] = one(trigger.KindAuthentication, "TriggerAuthentication")
			}
			content["authenticationRef"] = reference
		}
		triggers = append(triggers, content)
	}
	object := &unstructured.Unstructured{Object: map[string]any{
		"metadata": map[string]any{"name": "web", "namespace": "shop"}, "spec": map[string]any{"triggers": triggers},
	}}
	object.SetGroupVersionKind(scaledObjectKind)
	return object
}

// rewrite is the rule in Go; nil: nothing changes.
func rewrite(t *testing.T, rule trigger.Rewriting, object *unstructured.Unstructured) *unstructured.Unstructured {
	t.Helper()
	raw, err := json.Marshal(object.Object)
	if err != nil {
		t.Fatal(err)
	}
	rewritten, err := webhook.Rewrite(raw, rule)
	if err != nil {
		t.Fatal(err)
	}
	if rewritten == nil {
		return nil
	}
	after := &unstructured.Unstructured{}
	if err := json.Unmarshal(rewritten, &after.Object); err != nil {
		t.Fatal(err)
	}
	return after
}

// concerned reports whether validation has something to say about the object, or might.
func concerned(t *testing.T, rule trigger.Rewriting, object *unstructured.Unstructured) bool {
	t.Helper()
	var parsed trigger.Object
	triggers, _, err := unstructured.NestedSlice(object.Object, "spec", "triggers")
	if err != nil {
		t.Fatal(err)
	}
	for _, item := range triggers {
		content := item.(map[string]any)
		metadata, _, err := unstructured.NestedStringMap(content, "metadata")
		if err != nil {
			t.Fatal(err)
		}
		one := trigger.Trigger{Type: fmt.Sprint(content["type"]), Metadata: metadata}
		if trigger.IsOurs(one, rule.ScalerAddress) {
			return true
		}
		parsed.Triggers = append(parsed.Triggers, one)
	}
	return len(trigger.Lookalikes(parsed, rule.ScalerAddress)) > 0
}

// evaluator is CEL of the chart, compiled as the API server compiles it.
type evaluator struct {
	compiler *cel.CompositedCompiler
	matcher  matchconditions.Matcher
	patcher  patch.Patcher
}

func newCompiler(t *testing.T) *cel.CompositedCompiler {
	t.Helper()
	compiler, err := cel.NewCompositedCompiler(environment.MustBaseEnvSet(environment.DefaultCompatibilityVersion()))
	if err != nil {
		t.Fatal(err)
	}
	return compiler
}

var declared = cel.OptionalVariableDeclarations{HasAuthorizer: true}

func compile(t *testing.T, policy *admissionregistrationv1.MutatingAdmissionPolicy) evaluator {
	t.Helper()
	compiler := newCompiler(t)
	variables := make([]cel.NamedExpressionAccessor, 0, len(policy.Spec.Variables))
	for _, v := range policy.Spec.Variables {
		variables = append(variables, &validating.Variable{Name: v.Name, Expression: v.Expression})
	}
	compiler.CompileAndStoreVariables(variables, declared, environment.StoredExpressions)
	patches := declared
	patches.HasPatchTypes = true
	expression := &patch.JSONPatchCondition{Expression: policy.Spec.Mutations[0].JSONPatch.Expression}
	return evaluator{
		compiler: compiler,
		matcher:  matcherOf(compiler, policy.Spec.MatchConditions),
		patcher:  patch.NewJSONPatcher(compiler.CompileMutatingEvaluator(expression, patches, environment.StoredExpressions)),
	}
}

func conditions(t *testing.T, all []admissionregistrationv1.MatchCondition) evaluator {
	t.Helper()
	return evaluator{matcher: matcherOf(newCompiler(t), all)}
}

func matcherOf(compiler *cel.CompositedCompiler, all []admissionregistrationv1.MatchCondition) matchconditions.Matcher {
	accessors := make([]cel.ExpressionAccessor, 0, len(all))
	for i := range all {
		accessors = append(accessors, (*matchconditions.MatchCondition)(&all[i]))
	}
	fail := admissionregistrationv1.Fail
	return matchconditions.NewMatcher(compiler.CompileCondition(accessors, declared, environment.StoredExpressions),
		&fail, "test", "test", "test")
}

func attributes(object *unstructured.Unstructured) *admission.VersionedAttributes {
	return &admission.VersionedAttributes{
		Attributes: admission.NewAttributesRecord(object, nil, scaledObjectKind, object.GetNamespace(), object.GetName(),
			scaledObjectResource, "", admission.Create, nil, false, nil),
		VersionedObject: admission.NewLazyObject(object), VersionedKind: scaledObjectKind,
	}
}

func (e evaluator) matches(t *testing.T, object *unstructured.Unstructured) bool {
	t.Helper()
	result := e.matcher.Match(t.Context(), attributes(object), nil, nil)
	if result.Error != nil {
		t.Fatalf("%v: %v", object.Object, result.Error)
	}
	return result.Matches
}

// patched is the object as the policy leaves it.
func (e evaluator) patched(t *testing.T, object *unstructured.Unstructured) *unstructured.Unstructured {
	t.Helper()
	after, err := e.patcher.Patch(e.compiler.CreateContext(t.Context()), patch.Request{
		MatchedResource: scaledObjectResource, VersionedAttributes: attributes(object),
		ObjectInterfaces: admission.NewObjectInterfacesFromScheme(runtime.NewScheme()),
	}, celconfig.RuntimeCELCostBudget)
	if err != nil {
		t.Fatalf("%v: %v", object.Object, err)
	}
	return after.(*unstructured.Unstructured)
}
