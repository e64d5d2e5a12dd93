package wiring_test

import (
	"context"
	"errors"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
)

var errFrozen = errors.New("the API server does not answer")

// counting is the client of the process: it notes writes, and fails while the API server is frozen.
func (r *rig) counting() client.Client {
	write := func(verb string, object client.Object) error {
		if r.frozen.Load() {
			return errFrozen
		}
		kind := object.GetObjectKind().GroupVersionKind().Kind
		if kind == "" {
			kind = strings.TrimPrefix(fmt.Sprintf("%T", object), "*v1.")
		}
		text := verb + " " + kind + " " + object.GetName()
		if r.refuses.Load() == text {
			return apierrors.NewForbidden(schema.GroupResource{Resource: kind}, object.GetName(), errors.New("exceeded quota"))
		}
		if r.refusesNext.Load() == text {
			r.refuses.Store(text)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.writes = append(r.writes, text)
		return nil
	}
	return interceptor.NewClient(r.api.Client, interceptor.Funcs{
		Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
			if r.frozen.Load() {
				return errFrozen
			}
			return c.Get(ctx, key, object, options...)
		},
		List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, options ...client.ListOption) error {
			if r.frozen.Load() {
				return errFrozen
			}
			return c.List(ctx, list, options...)
		},
		Patch: func(ctx context.Context, c client.WithWatch, object client.Object, patch client.Patch, options ...client.PatchOption) error {
			if err := write("patch", object); err != nil {
				return err
			}
			return c.Patch(ctx, object, patch, options...)
		},
		Delete: func(ctx context.Context, c client.WithWatch, object client.Object, options ...client.DeleteOption) error {
			if err := write("delete", object); err != nil {
				return err
			}
			return c.Delete(ctx, object, options...)
		},
		Apply: func(ctx context.Context, c client.WithWatch, applied runtime.ApplyConfiguration, options ...client.ApplyOption) error {
			if err := write("apply", applied.(client.Object)); err != nil {
				return err
			}
			return c.Apply(ctx, applied, options...)
		},
		SubResourcePatch: func(ctx context.Context, c client.Client, sub string, object client.Object, patch client.Patch,
			options ...client.SubResourcePatchOption) error {
			if err := write("status", object); err != nil {
				return err
			}
			return c.SubResource(sub).Patch(ctx, object, patch, options...)
		},
		SubResourceApply: func(ctx context.Context, c client.Client, sub string, applied runtime.ApplyConfiguration,
			options ...client.SubResourceApplyOption) error {
			if err := write("status", applied.(client.Object)); err != nil {
				return err
			}
			return c.SubResource(sub).Apply(ctx, applied, options...)
		},
	})
}
