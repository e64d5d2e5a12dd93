package facts

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/controllers/certs"
	"github.com/kedify/inference-gateway/controllers/store"
)

const (
	// MaxWorld bounds the objects of one kind in a world.
	MaxWorld = 50000
	// pageSize is how many objects the API server sends at once.
	pageSize = 500
)

// World reads everything that the control plane watches, but for Secrets: a made-up certificate stands in for each that is named,
// unless the status of a Gateway's listener says that it does not resolve. Kinds that may not be read are returned; what they would
// change is not known.
func (s *Source) World(ctx context.Context, scheme *runtime.Scheme) (objects []client.Object, unread []string, err error) {
	for _, row := range store.Rows {
		if row.Kind == store.Secret {
			continue
		}
		list, err := listOf(scheme, row.New())
		if err != nil {
			return nil, nil, err
		}
		found, err := s.all(ctx, list)
		switch {
		case apierrors.IsForbidden(err):
			unread = append(unread, string(row.Kind))
		case err != nil:
			return nil, nil, fmt.Errorf("list %ss: %w", row.Kind, err)
		}
		objects = append(objects, found...)
	}
	secrets, err := standIns(objects, s.Now)
	return append(objects, secrets...), unread, err
}

// listOf returns an empty list of a kind.
func listOf(scheme *runtime.Scheme, object client.Object) (client.ObjectList, error) {
	gvk, err := apiutil.GVKForObject(object, scheme)
	if err != nil {
		return nil, err
	}
	list, err := scheme.New(gvk.GroupVersion().WithKind(gvk.Kind + "List"))
	if err != nil {
		return nil, err
	}
	return list.(client.ObjectList), nil
}

// all reads the objects of all namespaces, page by page; none of a kind that is not served.
func (s *Source) all(ctx context.Context, list client.ObjectList) (objects []client.Object, err error) {
	for {
		err := s.Reader.List(ctx, list, client.Limit(pageSize), client.Continue(list.GetContinue()))
		if meta.IsNoMatchError(err) || apierrors.IsNotFound(err) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		objects = append(objects, objectsOf(list)...)
		if len(objects) > MaxWorld {
			return nil, fmt.Errorf("there are more than %d", MaxWorld)
		}
		if list.GetContinue() == "" {
			return objects, nil
		}
		list = list.DeepCopyObject().(client.ObjectList)
	}
}

// standIns are Secrets in place of those that listeners and Gateways name, with a certificate of no use.
func standIns(objects []client.Object, now time.Time) ([]client.Object, error) {
	wanted := map[types.NamespacedName]bool{}
	for _, object := range objects {
		switch object := object.(type) {
		case *gwv1.Gateway:
			for _, listener := range object.Spec.Listeners {
				if resolves(object.Status.Listeners, listener.Name) {
					want(wanted, object.Namespace, listener.TLS)
				}
			}
			if tls := object.Spec.TLS; tls != nil && tls.Backend != nil && tls.Backend.ClientCertificateRef != nil {
				wanted[secretKey(object.Namespace, *tls.Backend.ClientCertificateRef)] = true
			}
		case *gwv1.ListenerSet:
			for _, listener := range object.Spec.Listeners {
				want(wanted, object.Namespace, listener.TLS)
			}
		}
	}
	if len(wanted) == 0 {
		return nil, nil
	}
	authority, err := certs.NewAuthority(certs.DefaultLifetimes, now)
	if err != nil {
		return nil, fmt.Errorf("make a certificate: %w", err)
	}
	var secrets []client.Object
	for key := range wanted {
		secret, err := authority.Secret(key.Namespace, key.Name)
		if err != nil {
			return nil, fmt.Errorf("make a certificate: %w", err)
		}
		secret.Type, secret.Generation = corev1.SecretTypeTLS, 1
		secrets = append(secrets, secret)
	}
	return secrets, nil
}

// resolves reports whether a listener's references resolve: its status does not say that they do not.
func resolves(statuses []gwv1.ListenerStatus, name gwv1.SectionName) bool {
	for _, status := range statuses {
		if status.Name == name {
			return !meta.IsStatusConditionFalse(status.Conditions, string(gwv1.ListenerConditionResolvedRefs))
		}
	}
	return true
}

func want(wanted map[types.NamespacedName]bool, namespace string, tls *gwv1.ListenerTLSConfig) {
	if tls == nil {
		return
	}
	for _, ref := range tls.CertificateRefs {
		wanted[secretKey(namespace, ref)] = true
	}
}

func secretKey(namespace string, ref gwv1.SecretObjectReference) types.NamespacedName {
	return types.NamespacedName{Namespace: string(ptr.Deref(ref.Namespace, gwv1.Namespace(namespace))), Name: string(ref.Name)}
}

// PodsByAddress returns the names of Pods by their addresses.
func PodsByAddress(objects []client.Object) map[string]string {
	pods := map[string]string{}
	for _, object := range objects {
		pod, ok := object.(*corev1.Pod)
		if !ok {
			continue
		}
		for _, ip := range pod.Status.PodIPs {
			pods[ip.IP] = store.KeyOf(pod).String()
		}
		if pod.Status.PodIP != "" {
			pods[pod.Status.PodIP] = store.KeyOf(pod).String()
		}
	}
	return pods
}
