package foreign

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"k8s.io/apimachinery/pkg/util/managedfields/managedfieldstest"
	"sigs.k8s.io/yaml"
)

// inGit are objects as a repository has them, with $BACKEND and $HOST for what changes. The API server
// takes each list of theirs for atomic.
var inGit = map[string]string{
	"Ingress": `
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web, namespace: shop}
spec:
  rules: [{host: $HOST, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: $BACKEND, port: {number: 80}}}}]}}]
`,
	"HTTPRoute": `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: web, namespace: shop}
spec:
  rules: [{backendRefs: [{name: $BACKEND, port: 80}], filters: [{type: URLRewrite, urlRewrite: {hostname: $HOST}}]}]
`,
	"VirtualService": `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web, namespace: shop}
spec:
  http: [{route: [{destination: {host: $BACKEND, port: {number: 80}}}], rewrite: {authority: $HOST}}]
`,
	"Route": `
apiVersion: route.openshift.io/v1
kind: Route
metadata: {name: web, namespace: shop}
spec: {host: $HOST, to: {kind: Service, name: $BACKEND}}
`,
}

// TestGitOps: what server-side applies of an object from Git do before, while and after it is wired. A tool
// that does not force is refused while it is wired. One that forces puts the original back, and what it applied
// is what is restored. One that applies the live name, because it ignores that field, changes nothing but what
// Git changed.
func TestGitOps(t *testing.T) {
	for kind, text := range inGit {
		at := func(backend, host string) *unstructured.Unstructured {
			return decoded(t, strings.NewReplacer("$BACKEND", backend, "$HOST", host).Replace(text))
		}
		git, changed := at("web", "a.test"), at("web", "b.test")
		t.Run(kind+"/unforced", func(t *testing.T) {
			s := newApplied(t, git)
			s.applies(git, false, true)
			s.wire()
			s.applies(git, false, false)
			s.applies(changed, false, false)
			s.leadsTo("web-kedify", "a.test")
			s.unwire()
			s.leadsTo("web", "a.test")
			s.applies(changed, false, true)
			s.leadsTo("web", "b.test")
		})
		t.Run(kind+"/forced", func(t *testing.T) {
			s := newApplied(t, git)
			s.wire()
			s.applies(changed, true, true)
			s.leadsTo("web", "b.test")
			s.wire() // again
			s.unwire()
			s.leadsTo("web", "b.test")
			s.applies(git, false, true)
		})
		t.Run(kind+"/ignored", func(t *testing.T) {
			s := newApplied(t, git)
			s.wire()
			s.applies(at("web-kedify", "a.test"), true, true)
			s.applies(at("web-kedify", "b.test"), true, true)
			s.leadsTo("web-kedify", "b.test")
			s.unwire()
			s.leadsTo("web", "b.test")
			s.applies(changed, false, true)
		})
	}
}

// applied is an object on an API server.
type applied struct {
	t      *testing.T
	server managedfieldstest.TestFieldManager
}

func newApplied(t *testing.T, object *unstructured.Unstructured) applied {
	t.Helper()
	s := applied{t, managedfieldstest.NewTestFieldManager(managedfields.NewDeducedTypeConverter(), object.GroupVersionKind())}
	s.applies(object, false, true)
	return s
}

func decoded(t *testing.T, text string) *unstructured.Unstructured {
	t.Helper()
	object := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(text), &object.Object); err != nil {
		t.Fatal(err)
	}
	return object
}

func (s applied) live() *unstructured.Unstructured {
	return s.server.Live().(*unstructured.Unstructured)
}

// applies has the tool apply an object, and says whether that is to succeed.
func (s applied) applies(object *unstructured.Unstructured, force, succeeds bool) {
	s.t.Helper()
	if err := s.server.Apply(object.DeepCopy(), "gitops", force); (err == nil) != succeeds {
		s.t.Errorf("apply with force %t: %v", force, err)
	}
}

func (s applied) wire() {
	s.t.Helper()
	s.update(Rewrite(s.live(), func(reference Reference) string { return wiredName(reference.Target) }))
}

func (s applied) unwire() {
	s.t.Helper()
	s.update(Restore(s.live(), keepNone))
	if operations := Disown(s.live(), "wiring"); operations != nil {
		s.update(operations)
	}
}

func (s applied) update(operations []Operation) {
	s.t.Helper()
	if len(operations) == 0 {
		s.t.Fatalf("no patch for %v", s.live().Object)
	}
	if err := s.server.Update(apply(s.t, s.live(), operations), "wiring"); err != nil {
		s.t.Fatal(err)
	}
}

// leadsTo compares the only reference of the object, and what Git changes beside it.
func (s applied) leadsTo(backend, host string) {
	s.t.Helper()
	references := References(s.live())
	if len(references) != 1 || references[0].Target.Key.Name != backend {
		s.t.Errorf("references %+v, want one to %s", references, backend)
	}
	if text := encode(s.t, s.live().Object["spec"]); !strings.Contains(text, host) {
		s.t.Errorf("spec %s, want %s in it", text, host)
	}
}
