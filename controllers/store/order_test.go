package store

import (
	"math/rand"
	"strings"
	"testing"
	"time"

	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// TestG8TiesAreBrokenByTheText: keys are ordered as the texts "namespace/name" are.
func TestG8TiesAreBrokenByTheText(t *testing.T) {
	random := rand.New(rand.NewSource(8))
	word := func() string {
		var out strings.Builder
		for range 1 + random.Intn(3) {
			out.WriteByte("a-0z."[random.Intn(5)])
		}
		return out.String()
	}
	for range 20_000 {
		a, b := types.NamespacedName{Namespace: word(), Name: word()}, types.NamespacedName{Namespace: word(), Name: word()}
		a.Namespace, b.Namespace = strings.ReplaceAll(a.Namespace, ".", ""), strings.ReplaceAll(b.Namespace, ".", "") // a DNS label
		text := func(key types.NamespacedName) string { return key.Namespace + "/" + key.Name }
		if got, want := CompareKeys(a, b), strings.Compare(text(a), text(b)); got != want {
			t.Fatalf("CompareKeys(%s, %s) = %d, want %d", text(a), text(b), got, want)
		}
	}
	at := func(namespace string, second int64) *gwv1.HTTPRoute {
		return &gwv1.HTTPRoute{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "tie",
			CreationTimestamp: metav1.NewTime(time.Unix(second, 0))}}
	}
	if CompareAge(at("team-a", 1), at("team", 1)) >= 0 || CompareAge(at("team", 1), at("team-a", 2)) >= 0 {
		t.Error("team-a/tie stands before team/tie of the same age, and after an older one")
	}
}
