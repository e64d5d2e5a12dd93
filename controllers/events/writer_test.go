package events_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	k8sevents "k8s.io/client-go/tools/events"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/kedify/inference-gateway/controllers/events"
)

type topic string

func named(name string) client.Object {
	object := &corev1.Service{}
	object.Namespace, object.Name = "apps", name
	return object
}

func warning(object client.Object, note string) events.Event {
	return events.Event{Regarding: object, Type: corev1.EventTypeWarning, Reason: "Bad", Action: "Test", Note: note}
}

// fixture is a Writer, its reader and its recorder.
type fixture struct {
	*events.Writer
	client   client.Client
	recorder *k8sevents.FakeRecorder
}

func newFixture(objects ...client.Object) *fixture {
	f := &fixture{client: fake.NewClientBuilder().WithObjects(objects...).Build(), recorder: k8sevents.NewFakeRecorder(10)}
	f.Writer = events.NewWriter(f.recorder, f.client).WithNamespaces(f.client)
	return f
}

// want compares the notes that were recorded since the last call.
func (f *fixture) want(t *testing.T, notes ...string) {
	t.Helper()
	var got []string
	for len(f.recorder.Events) > 0 {
		got = append(got, strings.TrimPrefix(<-f.recorder.Events, "Warning Bad "))
	}
	if strings.Join(got, "|") != strings.Join(notes, "|") {
		t.Errorf("events %q, want %q", got, notes)
	}
}

func TestWriteEachTime(t *testing.T) {
	f := newFixture(named("a"))
	f.Write(warning(named("a"), "it failed"))
	f.Write(warning(named("a"), "it failed"))
	f.want(t, "it failed", "it failed")
}

// An Event about a state is written when the state begins, and again after it ended or changed.
func TestWriteOnce(t *testing.T) {
	f := newFixture(named("a"), named("b"))
	one, two := warning(named("a"), "one"), warning(named("b"), "one")
	f.WriteOnce(topic("x"), []events.Event{one, one})
	f.want(t, "one")
	f.WriteOnce(topic("x"), []events.Event{two, one})
	f.want(t, "one")
	f.WriteOnce(topic("y"), []events.Event{one})
	f.want(t, "one")
	f.WriteOnce(topic("x"), nil)
	f.WriteOnce(topic("x"), []events.Event{one})
	f.want(t, "one")
	f.WriteOnce(topic("x"), []events.Event{warning(named("a"), "other")})
	f.want(t, "other")
}

// An object that is deleted and created again is another object.
func TestWriteOnceNewObject(t *testing.T) {
	first := named("a")
	first.SetUID("1")
	f := newFixture(first)
	f.WriteOnce(topic("x"), []events.Event{warning(named("a"), "one")})
	f.want(t, "one")
	if err := f.client.Delete(t.Context(), named("a")); err != nil {
		t.Fatal(err)
	}
	f.WriteOnce(topic("x"), []events.Event{warning(named("a"), "one")})
	f.want(t)
	second := named("a")
	second.SetUID("2")
	if err := f.client.Create(t.Context(), second); err != nil {
		t.Fatal(err)
	}
	f.WriteOnce(topic("x"), []events.Event{warning(named("a"), "one")})
	f.want(t, "one")
}

func TestObjectThatIsGone(t *testing.T) {
	f := newFixture()
	f.Write(warning(named("a"), "it failed"))
	f.WriteOnce(topic("x"), []events.Event{warning(named("a"), "it failed")})
	f.want(t)
}

// An object that was read by the caller is not read again.
func TestObjectThatIsKnown(t *testing.T) {
	f := newFixture()
	known := named("a")
	known.SetResourceVersion("7")
	event := warning(known, "it failed")
	event.Related = named("b")
	f.Write(event)
	f.want(t, "it failed")
}

// The API server refuses a note over 1,024 bytes.
func TestLongNote(t *testing.T) {
	for _, note := range []string{
		strings.Repeat("a", 1024), strings.Repeat("a", 1025), strings.Repeat("ž", 2000), "a" + strings.Repeat("ž", 2000),
		strings.Repeat("漢", 500), strings.Repeat("🙂", 300), "x\xff\xfey",
	} {
		f := newFixture(named("a"))
		f.Write(warning(named("a"), note))
		got := strings.TrimPrefix(<-f.recorder.Events, "Warning Bad ")
		whole := strings.TrimSuffix(got, " ...")
		if len(got) > 1024 || !utf8.ValidString(got) || len(got) < min(len(note)-2, 1020) ||
			!strings.HasPrefix(strings.ToValidUTF8(note, ""), whole) {
			t.Errorf("%d bytes %.20q... became %d bytes %.20q...", len(note), note, len(got), got)
		}
	}
}

// An Event about an object of a namespace that is being deleted is not sent: the API server refuses it, and client-go logs
// that as an error.
func TestNamespaceIsBeingDeleted(t *testing.T) {
	ending := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		Name: "apps", Finalizers: []string{"example.com/x"}, DeletionTimestamp: ptr.To(metav1.Now()),
	}}
	f := newFixture(named("web"), ending)
	f.Write(warning(named("web"), "one"))
	f.want(t)
	f = newFixture(named("web"), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "apps"}})
	f.Write(warning(named("web"), "two"))
	f.want(t, "two")
}
