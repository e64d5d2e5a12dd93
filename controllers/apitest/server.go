// Package apitest is an API server in memory, for tests of whole processes.
//
// Job: take and return objects, watch them, and keep a cache with informers of client-go on top.
// Inputs: objects. Outputs: a client, a RESTMapper, caches. Ownership: a Server belongs to a test;
// the informers of a cache end with its context.
package apitest

import (
	"context"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/kedify/inference-gateway/controllers"
)

// Server is the fake client of controller-runtime, with the things of an API server that it lacks and the
// product relies on: UIDs, generations, and its answer to a JSON patch with a test that fails.
type Server struct {
	// Scheme has every type that the product reads or writes.
	Scheme *runtime.Scheme
	// Client reads and writes as a user does.
	Client client.WithWatch

	t    *testing.T
	uids atomic.Uint64
	// unlisted are kinds that are served and cannot be listed.
	unlisted sync.Map
	// forbidden are kinds of a namespace that no role permits to list.
	forbidden sync.Map
	// unserved are the schema.GroupVersionKinds that discovery does not name.
	unserved sync.Map
}

// New returns a Server without objects. Of the given kinds, the status is a subresource; kinds without
// a Go type are to be named.
func New(t *testing.T, withStatus []client.Object, untyped ...schema.GroupVersionKind) *Server {
	t.Helper()
	s := &Server{t: t, Scheme: controllers.NewScheme()}
	for _, kind := range untyped {
		s.Scheme.AddKnownTypeWithName(kind, &unstructured.Unstructured{})
		s.Scheme.AddKnownTypeWithName(listKind(kind), &unstructured.UnstructuredList{})
	}
	builder := fake.NewClientBuilder().WithScheme(s.Scheme).WithReturnManagedFields().
		WithStatusSubresource(withStatus...).WithTypeConverters(Converters(t)...)
	s.Client = interceptor.NewClient(builder.Build(), interceptor.Funcs{
		Create: func(ctx context.Context, c client.WithWatch, object client.Object, options ...client.CreateOption) error {
			object.SetUID(s.uid())
			object.SetGeneration(1)
			return c.Create(ctx, object, options...)
		},
		Update: func(ctx context.Context, c client.WithWatch, object client.Object, options ...client.UpdateOption) error {
			if before := s.read(ctx, c, object); before != nil {
				object.SetUID(before.GetUID())
				object.SetGeneration(before.GetGeneration())
				if !reflect.DeepEqual(s.content(before), s.content(object)) {
					object.SetGeneration(before.GetGeneration() + 1)
				}
			}
			return c.Update(ctx, object, options...)
		},
		Patch: func(ctx context.Context, c client.WithWatch, object client.Object, patch client.Patch, options ...client.PatchOption) error {
			err := c.Patch(ctx, object, patch, options...)
			if err != nil && apierrors.ReasonForError(err) == metav1.StatusReasonUnknown && patch.Type() == types.JSONPatchType {
				return apierrors.NewGenericServerResponse(http.StatusUnprocessableEntity, "", schema.GroupResource{}, "", err.Error(), 0, false)
			}
			return err
		},
		Apply: func(ctx context.Context, c client.WithWatch, applied runtime.ApplyConfiguration, options ...client.ApplyOption) error {
			name := applied.(interface {
				client.Object
				runtime.Unstructured
			})
			before := s.read(ctx, c, name)
			if err := c.Apply(ctx, applied, options...); err != nil {
				return err
			}
			return s.stamp(ctx, c, name, before)
		},
	})
	return s
}

// read returns the object as it is, nil when there is none.
func (s *Server) read(ctx context.Context, c client.Client, object client.Object) client.Object {
	gvk, err := apiutil.GVKForObject(object, s.Scheme)
	if err != nil {
		s.t.Error(err)
		return nil
	}
	typed, err := s.Scheme.New(gvk)
	if err != nil {
		s.t.Error(err)
		return nil
	}
	live := typed.(client.Object)
	live.GetObjectKind().SetGroupVersionKind(gvk)
	if err := c.Get(ctx, client.ObjectKeyFromObject(object), live); err != nil {
		return nil
	}
	return live
}

// stamp gives an object that was applied its UID and generation.
func (s *Server) stamp(ctx context.Context, c client.Client, object, before client.Object) error {
	for {
		after := s.read(ctx, c, object)
		switch {
		case after == nil:
			return nil
		case before == nil:
			after.SetUID(s.uid())
			after.SetGeneration(1)
		case reflect.DeepEqual(s.content(before), s.content(after)):
			return nil
		default:
			after.SetGeneration(before.GetGeneration() + 1)
		}
		err := c.Update(ctx, after)
		if !apierrors.IsConflict(err) {
			object.SetGeneration(after.GetGeneration())
			object.SetUID(after.GetUID())
			return client.IgnoreNotFound(err)
		}
	}
}

// uid is one that no other object has, not even an earlier one of its name.
func (s *Server) uid() types.UID { return types.UID(fmt.Sprintf("uid-%d", s.uids.Add(1))) }

// content is what a generation counts the changes of.
func (s *Server) content(object client.Object) map[string]any {
	fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
	if err != nil {
		s.t.Error(err)
	}
	for _, field := range []string{"metadata", "status", "apiVersion", "kind"} {
		delete(fields, field)
	}
	return fields
}

// Unlist has every list of a kind, such as "TLSRoute", fail.
func (s *Server) Unlist(kind string) { s.unlisted.Store(kind, true) }

// List has lists of a kind succeed again.
func (s *Server) List(kind string) { s.unlisted.Delete(kind) }

// Forbid says whether lists of a kind, such as "TLSRoute", are refused to informers of a namespace; empty: to those of all. No kind: those
// of all kinds.
func (s *Server) Forbid(namespace, kind string, forbidden bool) {
	if forbidden {
		s.forbidden.Store([2]string{namespace, kind}, true)
	} else {
		s.forbidden.Delete([2]string{namespace, kind})
	}
}

func (s *Server) refused(namespace, kind string) bool {
	_, one := s.forbidden.Load([2]string{namespace, kind})
	_, all := s.forbidden.Load([2]string{namespace, ""})
	return one || all
}

// Serve says whether discovery names a kind, such as ClusterTrustBundle, in a version. Without it, it names those of the scheme.
func (s *Server) Serve(kind schema.GroupVersionKind, served bool) {
	if served {
		s.unserved.Delete(kind)
	} else {
		s.unserved.Store(kind, true)
	}
}

// ServerResourcesForGroupVersionWithContext implements watch.Resources. Names of resources are left out.
func (s *Server) ServerResourcesForGroupVersionWithContext(_ context.Context, text string) (*metav1.APIResourceList, error) {
	groupVersion, err := schema.ParseGroupVersion(text)
	if err != nil {
		return nil, err
	}
	list := &metav1.APIResourceList{GroupVersion: text}
	for kind := range s.Scheme.KnownTypes(groupVersion) {
		if _, unserved := s.unserved.Load(groupVersion.WithKind(kind)); !unserved {
			list.APIResources = append(list.APIResources, metav1.APIResource{Kind: kind})
		}
	}
	return list, nil
}

// Mapper knows every kind of the scheme, and CustomResourceDefinitions.
func (s *Server) Mapper() meta.RESTMapper { return mapper{scheme: s.Scheme} }

// mapper knows every kind of the scheme, and CustomResourceDefinitions.
type mapper struct {
	meta.RESTMapper
	scheme *runtime.Scheme
}

func (m mapper) RESTMapping(kind schema.GroupKind, versions ...string) (*meta.RESTMapping, error) {
	for _, version := range versions {
		if m.scheme.Recognizes(kind.WithVersion(version)) || kind.Kind == "CustomResourceDefinition" {
			return &meta.RESTMapping{Scope: scopeOf(strings.TrimSuffix(kind.Kind, "List"))}, nil
		}
	}
	return nil, &meta.NoKindMatchError{GroupKind: kind, SearchedVersions: versions}
}

func scopeOf(kind string) meta.RESTScope {
	switch kind {
	case "GatewayClass", "Namespace", "CustomResourceDefinition", "ClusterTrustBundle", "ClusterTriggerAuthentication":
		return meta.RESTScopeRoot
	}
	return meta.RESTScopeNamespace
}

func listKind(kind schema.GroupVersionKind) schema.GroupVersionKind {
	return kind.GroupVersion().WithKind(kind.Kind + "List")
}
