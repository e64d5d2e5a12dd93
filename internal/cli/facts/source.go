package facts

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kedify/inference-gateway/internal/cli/chain"
	"github.com/kedify/inference-gateway/internal/cli/reach"
)

// MaxObjects of one kind that are read for one question.
const MaxObjects = 5000

// Source answers questions about a cluster.
type Source struct {
	Reader client.Reader
	// Views of the control plane. Nil: no replica is asked.
	Views reach.Views
	// ScalerAddress is where KEDA reaches the scaler of the installation, host:port; empty: it is not known.
	ScalerAddress string
	Now           time.Time
}

// read gets an object.
func (s *Source) read(ctx context.Context, key types.NamespacedName, into client.Object) chain.Read {
	return readOf(s.Reader.Get(ctx, key, into))
}

// readOf says what an error means.
func readOf(err error) chain.Read {
	switch {
	case err == nil:
		return chain.Read{Found: true}
	case apierrors.IsNotFound(err):
		return chain.Read{}
	case meta.IsNoMatchError(err):
		return chain.Read{Failure: "the API server does not serve its kind"}
	default:
		return chain.Read{Failure: err.Error()}
	}
}

// list reads the objects of a namespace, or of all where it is empty. A kind that is not served has none.
func (s *Source) list(ctx context.Context, namespace string, into client.ObjectList, options ...client.ListOption) error {
	err := s.Reader.List(ctx, into, append(options, client.InNamespace(namespace), client.Limit(MaxObjects))...)
	if meta.IsNoMatchError(err) || apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("list %T: %w", into, err)
	}
	return nil
}

// pods returns the Pods that a selector takes; none for an empty one.
func (s *Source) pods(ctx context.Context, namespace string, selector labels.Selector) []chain.Pod {
	if selector.Empty() {
		return nil
	}
	var list corev1.PodList
	if err := s.list(ctx, namespace, &list, client.MatchingLabelsSelector{Selector: selector}); err != nil {
		return nil // the endpoints say as much; why a Pod is not ready is then left out
	}
	pods := make([]chain.Pod, 0, len(list.Items))
	for i := range list.Items {
		if list.Items[i].DeletionTimestamp == nil {
			pods = append(pods, chain.PodOf(&list.Items[i]))
		}
	}
	slices.SortFunc(pods, func(a, b chain.Pod) int { return strings.Compare(a.Name, b.Name) })
	return pods
}

// viewsOf says how many replicas answered, and why others did not.
func viewsOf[T any](answers map[string]T, err error) chain.Views {
	views := chain.Views{Answered: len(answers)}
	if err != nil {
		views.Failure = err.Error()
	}
	return views
}

// ask reads a view of all replicas; none where none is to be asked.
func ask[T any](ctx context.Context, s *Source, path string) (map[string]T, error) {
	if s.Views == nil {
		return nil, errors.New("no replica is asked")
	}
	return reach.Ask[T](ctx, s.Views, path)
}
