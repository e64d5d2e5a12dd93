package facts

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/discovery"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	kedav1alpha1 "github.com/kedacore/keda/v2/apis/keda/v1alpha1"

	"github.com/kedify/inference-gateway/api/debug"
	"github.com/kedify/inference-gateway/controllers/resolve/class"
	"github.com/kedify/inference-gateway/controllers/scaledobject/plan"
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/internal/cli/chain"
	"github.com/kedify/inference-gateway/internal/cli/checkup"
	"github.com/kedify/inference-gateway/internal/cli/reach"
	"github.com/kedify/inference-gateway/internal/names"
)

// crds are those that the product reads, with the version that it reads.
var crds = []checkup.CRD{
	{Name: "gatewayclasses.gateway.networking.k8s.io", Wanted: "v1"},
	{Name: "gateways.gateway.networking.k8s.io", Wanted: "v1"},
	{Name: "httproutes.gateway.networking.k8s.io", Wanted: "v1"},
	{Name: "referencegrants.gateway.networking.k8s.io", Wanted: "v1"},
	{Name: "grpcroutes.gateway.networking.k8s.io", Wanted: "v1", Optional: true},
	{Name: "tlsroutes.gateway.networking.k8s.io", Wanted: "v1", Optional: true},
	{Name: "listenersets.gateway.networking.k8s.io", Wanted: "v1", Optional: true},
	{Name: "backendtlspolicies.gateway.networking.k8s.io", Wanted: "v1", Optional: true},
	{Name: "inferencepools.inference.networking.k8s.io", Wanted: "v1", Optional: true},
	{Name: "httpscalers.gateway.kedify.io", Wanted: "v1alpha1"},
	{Name: "gatewayparameters.gateway.kedify.io", Wanted: "v1alpha1"},
	{Name: "scaledobjects.keda.sh", Wanted: "v1alpha1", Optional: true},
}

// leaseName is the lease of the replica that writes; operatorName the Deployment of KEDA.
const (
	leaseName    = "kedify-gateway"
	operatorName = "keda-operator"
)

// Installation collects what is known of an installation.
func (s *Source) Installation(ctx context.Context, system string, versions discovery.ServerVersionInterface) checkup.Facts {
	f := checkup.Facts{Now: s.Now, System: system}
	version, err := versions.ServerVersion()
	if err != nil {
		f.Kubernetes.Failure = err.Error()
		return f
	}
	f.Kubernetes.Version = version.GitVersion
	for _, crd := range crds {
		f.CRDs = append(f.CRDs, s.crd(ctx, crd))
	}
	f.Replicas = s.replicas(ctx, system, &f)
	f.Leader = s.leader(ctx, system)
	f.Webhooks = s.webhooks(ctx, &f)
	f.KEDA = s.operator(ctx)
	s.scaling(ctx, &f)
	s.proxies(ctx, &f)
	s.counters(ctx, &f)
	return f
}

func unreadable(f *checkup.Facts, err error) {
	if err != nil {
		f.Unread = append(f.Unread, strings.TrimSuffix(err.Error(), "."))
	}
}

func (s *Source) crd(ctx context.Context, crd checkup.CRD) checkup.CRD {
	live := &unstructured.Unstructured{}
	live.SetGroupVersionKind(schema.GroupVersionKind{Group: "apiextensions.k8s.io", Version: "v1", Kind: "CustomResourceDefinition"})
	if crd.Read = s.read(ctx, types.NamespacedName{Name: crd.Name}, live); !crd.Found {
		return crd
	}
	var definition struct {
		Spec struct {
			Versions []struct {
				Name   string `json:"name"`
				Served bool   `json:"served"`
			} `json:"versions"`
		} `json:"spec"`
		Status struct {
			StoredVersions []string `json:"storedVersions"`
		} `json:"status"`
	}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(live.Object, &definition); err != nil {
		crd.Read = chain.Read{Failure: err.Error()}
		return crd
	}
	for _, version := range definition.Spec.Versions {
		if version.Served {
			crd.Served = append(crd.Served, version.Name)
		}
	}
	crd.Stored = definition.Status.StoredVersions
	crd.Bundle, crd.Channel = live.GetAnnotations()[class.BundleAnnotation], live.GetAnnotations()[class.ChannelAnnotation]
	return crd
}

func (s *Source) replicas(ctx context.Context, system string, f *checkup.Facts) (found []checkup.Replica) {
	pods, err := reach.Controllers(ctx, s.Reader, system)
	unreadable(f, err)
	for i := range pods {
		if pods[i].DeletionTimestamp != nil {
			continue // it ends, and its successor counts
		}
		replica := checkup.Replica{Pod: chain.PodOf(&pods[i])}
		if containers := pods[i].Spec.Containers; len(containers) > 0 {
			replica.Image = containers[0].Image
		}
		for _, status := range pods[i].Status.ContainerStatuses {
			replica.Restarts += status.RestartCount
		}
		found = append(found, replica)
	}
	return found
}

func (s *Source) leader(ctx context.Context, system string) checkup.Leader {
	var lease coordinationv1.Lease
	leader := checkup.Leader{Read: s.read(ctx, types.NamespacedName{Namespace: system, Name: leaseName}, &lease)}
	leader.Holder = ptr.Deref(lease.Spec.HolderIdentity, "")
	if lease.Spec.RenewTime != nil {
		leader.Renewed = lease.Spec.RenewTime.Time
	}
	return leader
}

// webhooks are those with the labels of the chart.
func (s *Source) webhooks(ctx context.Context, f *checkup.Facts) (found []checkup.Webhook) {
	ours := client.MatchingLabels{"app.kubernetes.io/name": "kedify-gateway"}
	var validating admissionv1.ValidatingWebhookConfigurationList
	unreadable(f, s.list(ctx, "", &validating, ours))
	for _, configuration := range validating.Items {
		for _, webhook := range configuration.Webhooks {
			found = append(found, checkup.Webhook{Name: webhook.Name, Expiry: expiry(webhook.ClientConfig.CABundle)})
		}
	}
	var mutating admissionv1.MutatingWebhookConfigurationList
	unreadable(f, s.list(ctx, "", &mutating, ours))
	for _, configuration := range mutating.Items {
		for _, webhook := range configuration.Webhooks {
			found = append(found, checkup.Webhook{Name: webhook.Name, Expiry: expiry(webhook.ClientConfig.CABundle)})
		}
	}
	return found
}

// expiry is when the last certificate of a bundle expires; zero: it has none.
func expiry(bundle []byte) (last time.Time) {
	for {
		block, rest := pem.Decode(bundle)
		if block == nil {
			return last
		}
		if certificate, err := x509.ParseCertificate(block.Bytes); err == nil && certificate.NotAfter.After(last) {
			last = certificate.NotAfter
		}
		bundle = rest
	}
}

// operator is the Deployment of KEDA, in any namespace.
func (s *Source) operator(ctx context.Context) checkup.Workload {
	var list appsv1.DeploymentList
	if err := s.list(ctx, "", &list, client.MatchingLabels{"app.kubernetes.io/name": operatorName}); err != nil {
		return checkup.Workload{Read: readOf(err)}
	}
	if len(list.Items) == 0 {
		return checkup.Workload{}
	}
	operator := list.Items[0]
	found := checkup.Workload{
		Read: chain.Read{Found: true}, Version: operator.Labels["app.kubernetes.io/version"],
		Wanted: ptr.Deref(operator.Spec.Replicas, 1), Ready: operator.Status.ReadyReplicas,
	}
	if containers := operator.Spec.Template.Spec.Containers; found.Version == "" && len(containers) > 0 {
		_, found.Version, _ = strings.Cut(containers[0].Image[strings.LastIndex(containers[0].Image, "/")+1:], ":")
	}
	return found
}

// scaling adds the triggers.
func (s *Source) scaling(ctx context.Context, f *checkup.Facts) {
	scalers, err := s.scalers(ctx, "")
	unreadable(f, err)
	var objects kedav1alpha1.ScaledObjectList
	unreadable(f, s.list(ctx, "", &objects))
	refused := map[types.NamespacedName]string{}
	for i := range objects.Items {
		if ready := objects.Items[i].Status.Conditions.GetReadyCondition(); ready.Status == metav1.ConditionFalse {
			refused[store.KeyOf(&objects.Items[i])] = ready.Message
		}
	}
	demands, _ := s.Demands(ctx) // which replicas do not answer is found out with their proxies
	for i := range scalers {
		scaler := &scalers[i]
		demand, heard := demands[store.KeyOf(scaler).String()]
		trigger := checkup.Trigger{
			Name: store.KeyOf(scaler).String(), Unknown: demand.Unknown, Heard: heard,
			KEDA: refused[types.NamespacedName{Namespace: scaler.Namespace, Name: scaler.Spec.ScaledObject}],
		}
		for _, condition := range scaler.Status.Conditions {
			if condition.Type == plan.ConditionBypassed && condition.Status == metav1.ConditionTrue {
				trigger.Bypass = condition.Message
			}
		}
		f.Triggers = append(f.Triggers, trigger)
	}
}

// proxies adds the Gateways.
func (s *Source) proxies(ctx context.Context, f *checkup.Facts) {
	known := s.knownGateways(ctx, "")
	unreadable(f, known.failure)
	answers, err := ask[[]debug.Gateway](ctx, s, "/xds")
	f.Views = viewsOf(answers, err)
	for i := range known.here {
		key := store.KeyOf(&known.here[i])
		gateway := checkup.Gateway{Name: key.String()}
		for _, dumps := range answers {
			for _, dump := range dumps {
				if dump.Gateway == debug.Key(key) {
					gateway.Connected += len(dump.Proxies)
					gateway.Quarantined = append(gateway.Quarantined, rejectionTexts(dump.Rejected)...)
				}
			}
		}
		slices.Sort(gateway.Quarantined)
		gateway.Quarantined = slices.Compact(gateway.Quarantined)
		s.proxyPods(ctx, key, &gateway, f)
		f.Gateways = append(f.Gateways, gateway)
	}
}

func rejectionTexts(rejected []debug.Rejection) (texts []string) {
	for _, rejection := range rejected {
		sources := make([]string, 0, len(rejection.Sources))
		for _, source := range rejection.Sources {
			sources = append(sources, source.String())
		}
		texts = append(texts, fmt.Sprintf("%s, from %s", rejection.Resource.Name, strings.Join(sources, ", ")))
	}
	return texts
}

// proxyPods adds the Pods of a Gateway, and the images of the product in them.
func (s *Source) proxyPods(ctx context.Context, key types.NamespacedName, gateway *checkup.Gateway, f *checkup.Facts) {
	var pods corev1.PodList
	unreadable(f, s.list(ctx, key.Namespace, &pods, client.MatchingLabels{gwv1.GatewayNameLabelKey: names.LabelValue(key.Name)}))
	for i := range pods.Items {
		if pods.Items[i].DeletionTimestamp != nil {
			continue // it drains, and is not ready because of that
		}
		gateway.Pods = append(gateway.Pods, chain.PodOf(&pods.Items[i]))
		for _, container := range pods.Items[i].Spec.Containers {
			if container.Name == reach.ContainerShutdown && !slices.Contains(gateway.Images, container.Image) {
				gateway.Images = append(gateway.Images, container.Image)
			}
		}
	}
}

// counters adds the numbers of all replicas.
func (s *Source) counters(ctx context.Context, f *checkup.Facts) {
	if s.Views == nil {
		return
	}
	answers, err := s.Views.Get(ctx, reach.MetricsPath)
	if err != nil {
		f.CountersFailure = err.Error()
		return
	}
	for _, answer := range answers {
		if answer.Err != nil {
			f.CountersFailure = answer.Err.Error()
			continue
		}
		parser := expfmt.NewTextParser(model.UTF8Validation)
		families, err := parser.TextToMetricFamilies(bytes.NewReader(answer.Body))
		if err != nil {
			f.CountersFailure = err.Error()
			continue
		}
		if f.Counters == nil {
			f.Counters = map[string]float64{}
		}
		for _, name := range []string{checkup.KEDACalls, checkup.HoldAnswers, checkup.Rescues} {
			for _, metric := range families[name].GetMetric() {
				f.Counters[name] += metric.GetCounter().GetValue()
				for _, label := range metric.Label {
					f.Counters[name+" "+label.GetValue()] += metric.GetCounter().GetValue()
				}
			}
		}
	}
}
