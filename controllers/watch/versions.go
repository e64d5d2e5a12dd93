package watch

import (
	"context"
	"fmt"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
)

// goneAfter is how long an API server has to say that it does not serve a kind of Kubernetes itself before it is
// believed: the API servers of a cluster that is being upgraded say different things for a while.
const goneAfter = 30 * time.Second

// Resources is the part of discovery.DiscoveryInterfaceWithContext that a Watcher needs. An answer is the API server's of
// this moment: a RESTMapper keeps what it once found, and kinds of Kubernetes itself have no CRD that would be deleted.
type Resources interface {
	ServerResourcesForGroupVersionWithContext(ctx context.Context, groupVersion string) (*metav1.APIResourceList, error)
}

// version is a kind in one of its versions.
type version struct {
	object client.Object
	gvk    schema.GroupVersionKind
}

func versionsOf(row Row, scheme *runtime.Scheme) (versions []version, err error) {
	for _, object := range append([]client.Object{row.Object}, row.Older...) {
		gvk, err := apiutil.GVKForObject(object, scheme)
		if err != nil {
			return nil, err
		}
		versions = append(versions, version{object, gvk})
	}
	return versions, nil
}

// choose takes the newest version of a row that the API server serves.
func (w *Watcher) choose(ctx context.Context, row *watched) (served bool, err error) {
	for _, candidate := range row.versions {
		if served, err = w.serves(ctx, candidate.gvk); served || err != nil {
			row.version = candidate
			return served, err
		}
	}
	return false, nil
}

// serves asks the API server whether it serves a kind in this version.
func (w *Watcher) serves(ctx context.Context, gvk schema.GroupVersionKind) (bool, error) {
	list, err := w.Resources.ServerResourcesForGroupVersionWithContext(ctx, gvk.GroupVersion().String())
	switch {
	case apierrors.IsNotFound(err):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("ask for %s: %w", gvk, err)
	}
	return slices.ContainsFunc(list.APIResources, func(r metav1.APIResource) bool { return r.Kind == gvk.Kind }), nil
}

// gone reports whether the API server has not served the version that is watched for goneAfter.
func (w *Watcher) gone(ctx context.Context, row *watched) (bool, error) {
	served, err := w.serves(ctx, row.gvk)
	if err != nil {
		return false, err
	}
	now := w.Clock.Now()
	switch {
	case served:
		row.unserved = time.Time{}
	case row.unserved.IsZero():
		row.unserved = now
	}
	return !served && now.Sub(row.unserved) >= goneAfter, nil
}
