package migrate

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"

	kedav1alpha1 "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/yaml"

	"github.com/kedify/inference-gateway/api/v1alpha1"
)

// ErrInput says that a document is no HTTPScaledObject that can be migrated.
var ErrInput = errors.New("not an HTTPScaledObject")

// Defaults of the http-add-on for fields that are not set.
const (
	defaultTarget   = 100
	defaultMax      = 100
	defaultCooldown = 300
)

// skipCreation is the annotation by which the http-add-on makes no ScaledObject.
const skipCreation = "httpscaledobject.keda.sh/skip-scaledobject-creation"

// Result is what an HTTPScaledObject becomes.
type Result struct {
	ScaledObject *kedav1alpha1.ScaledObject
	// Notes are what a person has to know or to do, one sentence each, with the field that it is about.
	Notes []string
}

// Of reads an HTTPScaledObject in YAML or JSON. A field that it does not know is an error: nothing is lost in silence.
func Of(document []byte) (Result, error) {
	var from httpScaledObject
	if err := yaml.UnmarshalStrict(document, &from); err != nil {
		return Result{}, fmt.Errorf("%w: %w", ErrInput, err)
	}
	if from.APIVersion != APIVersion || from.Kind != Kind {
		return Result{}, fmt.Errorf("%w: it is %s %s", ErrInput, from.APIVersion, from.Kind)
	}
	m := &migration{from: from}
	return m.make()
}

type migration struct {
	from   httpScaledObject
	result Result
}

func (m *migration) note(field, format string, values ...any) {
	m.result.Notes = append(m.result.Notes, field+": "+fmt.Sprintf(format, values...))
}

func (m *migration) make() (Result, error) {
	metadata, err := m.metadata()
	if err != nil {
		return Result{}, err
	}
	spec := m.from.Spec
	so := &kedav1alpha1.ScaledObject{
		TypeMeta: metav1.TypeMeta{APIVersion: "keda.sh/v1alpha1", Kind: "ScaledObject"},
		ObjectMeta: metav1.ObjectMeta{
			Name: m.from.Name, Namespace: m.from.Namespace, Labels: m.from.Labels, Annotations: m.annotations(),
		},
		Spec: kedav1alpha1.ScaledObjectSpec{
			ScaleTargetRef: &kedav1alpha1.ScaleTarget{
				Name: spec.ScaleTargetRef.Name, APIVersion: spec.ScaleTargetRef.APIVersion, Kind: spec.ScaleTargetRef.Kind,
			},
			MinReplicaCount: ptr.To(int32(0)), MaxReplicaCount: ptr.To(int32(defaultMax)),
			CooldownPeriod: ptr.To(ptr.Deref(spec.CooldownPeriod, defaultCooldown)),
			Triggers:       []kedav1alpha1.ScaleTriggers{{Type: string(v1alpha1.TriggerHTTP), Metadata: metadata}},
		},
	}
	if spec.Replicas != nil {
		so.Spec.MinReplicaCount = cmp.Or(spec.Replicas.Min, so.Spec.MinReplicaCount)
		so.Spec.MaxReplicaCount = cmp.Or(spec.Replicas.Max, so.Spec.MaxReplicaCount)
	}
	so.Spec.InitialCooldownPeriod = spec.InitialCooldownPeriod
	m.note("routing", "the http-add-on routes by its interceptor, this product by the Gateway kedify-proxy of the namespace: "+
		"lead your Ingress or HTTPRoute to Service kedify-proxy, port 8080, in place of keda-add-ons-http-interceptor-proxy, "+
		"or attach an HTTPRoute of your own to a Gateway of class kedify")
	m.note("metadata.name", "the http-add-on owns a ScaledObject of the same name: annotate the HTTPScaledObject with "+
		`httpscaledobject.keda.sh/orphan-scaledobject: "true" and delete it before you apply this one`)
	m.result.ScaledObject = so
	return m.result, nil
}

// metadata is that of the trigger.
func (m *migration) metadata() (map[string]string, error) {
	spec := m.from.Spec
	metadata := map[string]string{"service": spec.ScaleTargetRef.Service}
	hosts := spec.Hosts
	if len(hosts) == 0 {
		hosts = []string{"*"}
		m.note("hosts", "none is set, so the trigger takes every host; name the hosts of the application if others share the proxy")
	}
	metadata["hosts"] = strings.Join(hosts, ",")
	if len(spec.PathPrefixes) > 0 {
		metadata["pathPrefixes"] = strings.Join(spec.PathPrefixes, ",")
		m.note("pathPrefixes", "they match whole segments: /foo takes /foo/1 and not /foobar")
	}
	if len(spec.Headers) > 0 {
		text, err := json.Marshal(spec.Headers)
		if err != nil {
			return nil, fmt.Errorf("headers: %w", err)
		}
		metadata["headers"] = string(text)
	}
	switch {
	case spec.ScaleTargetRef.Port != 0:
		metadata["port"] = strconv.Itoa(int(spec.ScaleTargetRef.Port))
	case spec.ScaleTargetRef.PortName != "":
		metadata["portName"] = spec.ScaleTargetRef.PortName
	default:
		return nil, fmt.Errorf("%w: scaleTargetRef has neither port nor portName", ErrInput)
	}
	maps.Copy(metadata, m.metric())
	m.timeouts(metadata)
	return metadata, nil
}

func (m *migration) metric() map[string]string {
	spec := m.from.Spec
	if metric := spec.ScalingMetric; metric != nil && metric.Rate != nil {
		found := map[string]string{
			"scalingMetric": "requestRate", "targetValue": strconv.Itoa(cmp.Or(metric.Rate.TargetValue, defaultTarget)),
		}
		if metric.Rate.Window.Duration != 0 {
			found["window"] = metric.Rate.Window.Duration.String()
		}
		if metric.Rate.Granularity.Duration != 0 {
			found["granularity"] = metric.Rate.Granularity.Duration.String()
		}
		return found
	}
	value := int(ptr.Deref(spec.TargetPendingRequests, defaultTarget))
	if metric := spec.ScalingMetric; metric != nil && metric.Concurrency != nil {
		value = cmp.Or(metric.Concurrency.TargetValue, defaultTarget)
	}
	if spec.TargetPendingRequests != nil {
		m.note("targetPendingRequests", "it is deprecated there and becomes scalingMetric: concurrency with the same target")
	}
	return map[string]string{"scalingMetric": "concurrency", "targetValue": strconv.Itoa(value)}
}

func (m *migration) timeouts(metadata map[string]string) {
	spec := m.from.Spec
	if wait := spec.Timeouts; wait != nil && wait.ConditionWait.Duration != 0 {
		metadata["holdTimeout"] = wait.ConditionWait.Duration.String()
	}
	if wait := spec.Timeouts; wait != nil && wait.ResponseHeader.Duration != 0 {
		m.note("timeouts.responseHeader",
			"it has no counterpart in a trigger (%s): set timeouts.backendRequest in a rule of an HTTPRoute of your own, "+
				"which bounds the whole answer and not its headers alone", wait.ResponseHeader.Duration)
	}
	if other := spec.ColdStartTimeoutFailoverRef; other != nil {
		m.note("coldStartTimeoutFailoverRef",
			"there is no counterpart: a request that is held for too long gets 504, and is not sent to Service %s; "+
				"a waiting page (coldStartWaitingPageEnabled) answers browsers at once", other.Service)
	}
}

// annotations without those of the http-add-on and of kubectl.
func (m *migration) annotations() map[string]string {
	kept := maps.Clone(m.from.Annotations)
	maps.DeleteFunc(kept, func(name, _ string) bool {
		return strings.HasPrefix(name, "httpscaledobject.keda.sh/") || name == "kubectl.kubernetes.io/last-applied-configuration"
	})
	if m.from.Annotations[skipCreation] == "true" {
		m.note("annotation "+skipCreation,
			"a ScaledObject of yours has a trigger of the http-add-on: put the trigger below into it in place of that one")
	}
	if len(kept) == 0 {
		return nil
	}
	return kept
}
