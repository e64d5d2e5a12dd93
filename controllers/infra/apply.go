package infra

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/controllers/apply"
	"github.com/kedify/inference-gateway/controllers/certs"
	"github.com/kedify/inference-gateway/controllers/compare"
)

const (
	// fieldOwner of everything that the applier writes.
	fieldOwner = client.FieldOwner("kedify-gateway")
	// handoverOwner holds spec.replicas from the moment autoscaling is switched on until the
	// autoscaler writes it: without an owner the field would fall back to one.
	handoverOwner = client.FieldOwner("kedify-gateway-handover")
)

// prunable are the kinds that a data plane has or has not. A Service is not among them: it
// stays while the Gateway has no ports for a moment (a certificate is missing, say), because
// with it would go the address. It goes when the addresses of the Gateway ask for none of its name (serviceNames).
var prunable = []client.ObjectList{&policyv1.PodDisruptionBudgetList{}, &autoscalingv2.HorizontalPodAutoscalerList{}}

// lists of the objects of a data plane. A port more is a port open to the world: the product owns
// all ports of a Service.
var lists = compare.Lists{
	Merged: []string{
		"containers", "env", "imagePullSecrets", "initContainers", "ownerReferences",
		"topologySpreadConstraints", "volumeMounts", "volumes",
	},
	Closed: []string{"ports"},
}

func newEngine(options Options) *apply.Engine {
	return apply.New(apply.Options{
		Client: options.Client, Cache: options.Live, FieldOwner: fieldOwner,
		Owner: apply.ByController, Lists: lists, Log: options.Log,
	})
}

// apply makes the cluster as the spec says and returns when to look again at the latest.
func (a *Applier) apply(ctx context.Context, spec Spec) (time.Time, error) {
	objects, err := Objects(spec, a.options.Config)
	if err != nil {
		return time.Time{}, err
	}
	renew, err := a.applyCertificate(ctx, spec)
	if err != nil {
		return time.Time{}, err
	}
	var refused []error
	for _, object := range objects {
		err := a.ensure(ctx, spec, object)
		switch {
		case err == nil:
		case clusterName.MatchString(object.GetName()) && !errors.Is(err, apply.ErrTerminating):
			refused = append(refused, err)
		default:
			return time.Time{}, err
		}
	}
	owned := func(object client.Object) bool {
		controller := metav1.GetControllerOf(object)
		return controller != nil && controller.UID == types.UID(spec.UID)
	}
	err = a.prune(ctx, spec.Gateway, prunable, func(object client.Object) bool {
		return object.GetName() == Name(spec.Gateway) && owned(object)
	}, objects...)
	if err != nil {
		return time.Time{}, err
	}
	wanted := serviceNames(spec)
	err = a.prune(ctx, spec.Gateway, []client.ObjectList{&corev1.ServiceList{}}, func(object client.Object) bool {
		return isServiceName(spec.Gateway, object.GetName()) && owned(object) && !slices.Contains(wanted, object.GetName())
	}, objects...)
	if err == nil && len(refused) > 0 {
		err = &AddressError{errors.Join(refused...)}
	}
	return renew, err
}

// applyCertificate keeps the Secret with the client certificate of the Gateway's Envoys. They
// read it from files, so a renewal reaches them without a restart.
func (a *Applier) applyCertificate(ctx context.Context, spec Spec) (time.Time, error) {
	key := client.ObjectKey{Namespace: spec.Gateway.Namespace, Name: SecretName(spec.Gateway)}
	existing := &corev1.Secret{}
	if err := a.options.Live.Get(ctx, key, existing); client.IgnoreNotFound(err) != nil {
		return time.Time{}, fmt.Errorf("read the Secret %s: %w", key, err)
	}
	certificate, err := a.options.Certificates.ClientCertificate(existing.Data, a.options.Identity(spec.Gateway, types.UID(spec.UID)))
	if err != nil {
		return time.Time{}, fmt.Errorf("client certificate: %w", err)
	}
	if err := a.ensure(ctx, spec, certificateSecret(spec, certificate)); err != nil {
		return time.Time{}, fmt.Errorf("write the Secret %s: %w", key.Name, err)
	}
	a.note(spec.Gateway, certificate.Expiry)
	if certificate.Reason != "" {
		a.options.Log.Info("issued a client certificate", "kind", "Gateway", "object", spec.Gateway.String(), "reason", certificate.Reason)
	}
	return certificate.Renew, nil
}

func certificateSecret(spec Spec, certificate certs.Certificate) *corev1.Secret {
	meta := objectMeta(spec)
	meta.Name = SecretName(spec.Gateway)
	return &corev1.Secret{
		TypeMeta:   typeMeta(corev1.SchemeGroupVersion.String(), "Secret"),
		ObjectMeta: meta,
		Type:       corev1.SecretTypeTLS,
		Data:       certificate.Data,
	}
}

// ensure applies one object. What server-side apply alone would not get right is done before.
func (a *Applier) ensure(ctx context.Context, spec Spec, object client.Object) error {
	_, err := a.engine.Ensure(ctx, object, func(ctx context.Context, live client.Object) error {
		if err := a.handOver(ctx, spec, live); err != nil {
			return err
		}
		return a.dropForeignPorts(ctx, live, object)
	})
	return err
}

// handOver keeps the number of replicas while the field changes hands from us to the
// autoscaler.
func (a *Applier) handOver(ctx context.Context, spec Spec, live client.Object) error {
	deployment, ok := live.(*appsv1.Deployment)
	if !ok || spec.Infrastructure.Parameters.Autoscaling == nil || !ownsReplicas(live) || deployment.Spec.Replicas == nil {
		return nil
	}
	partial := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{"replicas": int64(*deployment.Spec.Replicas)}}}
	partial.SetGroupVersionKind(appsv1.SchemeGroupVersion.WithKind("Deployment"))
	partial.SetNamespace(live.GetNamespace())
	partial.SetName(live.GetName())
	return a.options.Client.Apply(ctx, client.ApplyConfigurationFromUnstructured(partial), handoverOwner, client.ForceOwnership)
}

func ownsReplicas(live client.Object) bool {
	for _, entry := range live.GetManagedFields() {
		if entry.Manager == string(fieldOwner) && entry.FieldsV1 != nil && strings.Contains(entry.FieldsV1.GetRawString(), `"f:replicas"`) {
			return true
		}
	}
	return false
}

// prune deletes the selected objects of a Gateway that are not desired.
func (a *Applier) prune(
	ctx context.Context, gateway types.NamespacedName, kinds []client.ObjectList, own func(client.Object) bool, desired ...client.Object,
) error {
	pruned := make([]apply.Pruned, 0, len(kinds))
	for _, list := range kinds {
		pruned = append(pruned, apply.Pruned{List: list, Select: own})
	}
	return a.engine.Prune(ctx, pruned, desired, client.InNamespace(gateway.Namespace), client.MatchingLabels(OwnedLabels()))
}

// remove deletes every object of a Gateway that has no data plane any more.
func (a *Applier) remove(ctx context.Context, gateway types.NamespacedName) error {
	return a.prune(ctx, gateway, ownedLists, func(object client.Object) bool {
		owner, ok := gatewayOf(object)
		return ok && owner == gateway
	})
}

// gatewayOf returns the Gateway that an object belongs to.
func gatewayOf(object client.Object) (types.NamespacedName, bool) {
	controller := metav1.GetControllerOf(object)
	if controller == nil || controller.Kind != "Gateway" || controller.APIVersion != gwv1.GroupVersion.String() {
		return types.NamespacedName{}, false
	}
	return types.NamespacedName{Namespace: object.GetNamespace(), Name: controller.Name}, true
}
