package infra

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/controllers/certs"
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
// with it would go the address.
var prunable = []func() client.Object{
	func() client.Object { return &policyv1.PodDisruptionBudget{} },
	func() client.Object { return &autoscalingv2.HorizontalPodAutoscaler{} },
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
	wanted := map[string]bool{}
	for _, object := range objects {
		wanted[kindOf(object)] = true
		if err := a.ensure(ctx, spec, object); err != nil {
			return time.Time{}, fmt.Errorf("%s %s: %w", kindOf(object), object.GetName(), err)
		}
	}
	for _, newObject := range prunable {
		object := newObject()
		if wanted[kindOf(object)] {
			continue
		}
		if err := a.prune(ctx, spec, object); err != nil {
			return time.Time{}, fmt.Errorf("remove the %s %s: %w", kindOf(object), Name(spec.Gateway), err)
		}
	}
	return renew, nil
}

// applyCertificate keeps the Secret with the client certificate of the Gateway's Envoys. They
// read it from files, so a renewal reaches them without a restart.
func (a *Applier) applyCertificate(ctx context.Context, spec Spec) (time.Time, error) {
	key := client.ObjectKey{Namespace: spec.Gateway.Namespace, Name: SecretName(spec.Gateway)}
	existing := &corev1.Secret{}
	if err := a.options.Live.Get(ctx, key, existing); client.IgnoreNotFound(err) != nil {
		return time.Time{}, fmt.Errorf("read the Secret %s: %w", key, err)
	}
	certificate, err := a.options.Certificates.ClientCertificate(existing.Data, a.options.Identity(spec.Gateway))
	if err != nil {
		return time.Time{}, fmt.Errorf("client certificate: %w", err)
	}
	if err := a.ensure(ctx, spec, certificateSecret(spec, certificate)); err != nil {
		return time.Time{}, fmt.Errorf("write the Secret %s: %w", key.Name, err)
	}
	if certificate.Reason != "" {
		a.options.Log.Info("issued a client certificate", "object", spec.Gateway.String(), "reason", certificate.Reason)
	}
	return certificate.Renew, nil
}

func certificateSecret(spec Spec, certificate certs.ClientCertificate) *corev1.Secret {
	meta := objectMeta(spec)
	meta.Name = SecretName(spec.Gateway)
	return &corev1.Secret{
		TypeMeta:   typeMeta(corev1.SchemeGroupVersion.String(), "Secret"),
		ObjectMeta: meta,
		Type:       corev1.SecretTypeTLS,
		Data:       certificate.Data,
	}
}

// ensure writes one object unless it already is as desired.
func (a *Applier) ensure(ctx context.Context, spec Spec, object client.Object) error {
	desired, err := toApply(object)
	if err != nil {
		return err
	}
	live, err := a.read(ctx, object)
	if err != nil {
		return err
	}
	if live != nil {
		if err := checkOwner(live, spec); err != nil {
			return err
		}
		same, err := asDesired(desired, live)
		if err != nil || same {
			return err
		}
		if err := a.handOver(ctx, spec, live, desired); err != nil {
			return err
		}
		if err := a.dropForeignPorts(ctx, live, object); err != nil {
			return err
		}
	}
	a.options.Log.V(1).Info("applying", "object", spec.Gateway.String(), "kind", desired.GetKind())
	return a.options.Client.Apply(ctx, client.ApplyConfigurationFromUnstructured(desired), fieldOwner, client.ForceOwnership)
}

// read returns the object as it is, nil when there is none. Live knows only what carries our
// label: before an object is created, the API server is asked whether someone else has one of
// that name.
func (a *Applier) read(ctx context.Context, object client.Object) (client.Object, error) {
	for _, reader := range []client.Reader{a.options.Live, a.options.Client} {
		live := object.DeepCopyObject().(client.Object)
		err := reader.Get(ctx, client.ObjectKeyFromObject(object), live)
		if err == nil {
			return live, nil
		}
		if !apierrors.IsNotFound(err) {
			return nil, err
		}
	}
	return nil, nil
}

// checkOwner refuses to touch what is not this Gateway's.
func checkOwner(live client.Object, spec Spec) error {
	controller := metav1.GetControllerOf(live)
	switch {
	case controller != nil && controller.UID == types.UID(spec.UID):
		return nil
	case controller != nil && controller.Kind == "Gateway" && controller.Name == spec.Gateway.Name:
		return errPredecessor
	}
	return ErrForeign
}

// handOver keeps the number of replicas while the field changes hands from us to the
// autoscaler.
func (a *Applier) handOver(ctx context.Context, spec Spec, live client.Object, desired *unstructured.Unstructured) error {
	if desired.GetKind() != "Deployment" || spec.Infrastructure.Parameters.Autoscaling == nil {
		return nil
	}
	if !ownsReplicas(live) {
		return nil
	}
	content, err := toUnstructured(live)
	if err != nil {
		return err
	}
	replicas, found, err := unstructured.NestedInt64(content, "spec", "replicas")
	if err != nil || !found {
		return err
	}
	partial := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{"replicas": replicas}}}
	partial.SetGroupVersionKind(desired.GroupVersionKind())
	partial.SetNamespace(desired.GetNamespace())
	partial.SetName(desired.GetName())
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

// prune deletes an object of the Gateway that is no longer wanted.
func (a *Applier) prune(ctx context.Context, spec Spec, object client.Object) error {
	err := a.options.Live.Get(ctx, client.ObjectKey{Namespace: spec.Gateway.Namespace, Name: Name(spec.Gateway)}, object)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := checkOwner(object, spec); errors.Is(err, ErrForeign) || errors.Is(err, errPredecessor) {
		return nil
	}
	return client.IgnoreNotFound(a.options.Client.Delete(ctx, object, client.Preconditions{UID: ptr.To(object.GetUID())}))
}

// remove deletes every object of a Gateway that has no data plane any more.
func (a *Applier) remove(ctx context.Context, gateway types.NamespacedName) error {
	for _, newList := range ownedLists {
		list := newList()
		err := a.options.Live.List(ctx, list, client.InNamespace(gateway.Namespace), client.MatchingLabels(selector(gateway)))
		if err != nil {
			return fmt.Errorf("list: %w", err)
		}
		objects, err := items(list)
		if err != nil {
			return err
		}
		for _, object := range objects {
			if owner, ok := gatewayOf(object); !ok || owner != gateway {
				continue
			}
			err := a.options.Client.Delete(ctx, object, client.PropagationPolicy(metav1.DeletePropagationBackground))
			if client.IgnoreNotFound(err) != nil {
				return fmt.Errorf("delete %s: %w", object.GetName(), err)
			}
		}
	}
	return nil
}

// gatewayOf returns the Gateway that an object belongs to.
func gatewayOf(object client.Object) (types.NamespacedName, bool) {
	controller := metav1.GetControllerOf(object)
	if controller == nil || controller.Kind != "Gateway" || controller.APIVersion != gwv1.GroupVersion.String() {
		return types.NamespacedName{}, false
	}
	return types.NamespacedName{Namespace: object.GetNamespace(), Name: controller.Name}, true
}

// kindOf is the kind of a typed object, whether or not its TypeMeta is filled in.
func kindOf(object client.Object) string { return reflect.TypeOf(object).Elem().Name() }
