package resolve

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"
	"sigs.k8s.io/yaml"

	"github.com/kedify/inference-gateway/controllers/store"
)

// ourClass is the GatewayClass of every fixture.
const ourClass = `
kind: GatewayClass
metadata: {name: kedify, generation: 3}
spec: {controllerName: kedify.io/gateway-controller}
`

// testGateway is the Gateway of the fixtures: its spec is given without the class.
func testGateway(spec string) string {
	return "kind: Gateway\nmetadata: {name: gw, namespace: infra, generation: 7, uid: u-1}\nspec:\n  gatewayClassName: kedify\n" + indent(spec)
}

func indent(text string) string {
	return "  " + strings.ReplaceAll(strings.Trim(text, "\n"), "\n", "\n  ") + "\n"
}

// storeOf fills a store with YAML documents.
func storeOf(t testing.TB, documents ...string) *store.Store {
	t.Helper()
	s := store.New()
	for _, text := range documents {
		for _, document := range strings.Split(text, "\n---\n") {
			addObject(t, s, document)
		}
	}
	return s
}

func addObject(t testing.TB, s *store.Store, document string) {
	t.Helper()
	if strings.TrimSpace(document) == "" {
		return
	}
	var meta metav1.TypeMeta
	if err := yaml.Unmarshal([]byte(document), &meta); err != nil {
		t.Fatalf("%v in\n%s", err, document)
	}
	for _, row := range store.Rows {
		if string(row.Kind) != meta.Kind {
			continue
		}
		object := row.New()
		if err := yaml.UnmarshalStrict([]byte(document), object); err != nil {
			t.Fatalf("%v in\n%s", err, document)
		}
		s.Set(row.Kind, object)
		return
	}
	t.Fatalf("kind %q is unknown to the store", meta.Kind)
}

var gatewayKey = types.NamespacedName{Namespace: "infra", Name: "gw"}

func resolveGateway(t testing.TB, documents ...string) GatewayResult {
	t.Helper()
	return Gateway(storeOf(t, append(documents, ourClass)...).View(nil), gatewayKey, nil)
}

// summary writes conditions as "Type=Status/Reason", one per word.
func summary(conditions []metav1.Condition) string {
	words := make([]string, len(conditions))
	for i, c := range conditions {
		words[i] = fmt.Sprintf("%s=%s/%s", c.Type, c.Status, c.Reason)
	}
	return strings.Join(words, " ")
}

// listenerNamed returns a listener of the result by "name" or, of a ListenerSet, "set/name".
func listenerNamed(t testing.TB, g GatewayResult, name string) Listener {
	t.Helper()
	for _, l := range g.Listeners {
		full := l.ID.Name
		if l.ID.Parent.Kind == store.ListenerSet {
			full = l.ID.Parent.Key.Name + "/" + l.ID.Name
		}
		if full == name {
			return l
		}
	}
	t.Fatalf("no listener %q in %+v", name, g.Listeners)
	return Listener{}
}

func messageOf(conditions []metav1.Condition, kind string) string {
	return findCondition(conditions, kind).Message
}

// ready is the input of a Gateway whose data plane has everything.
func ready(g GatewayResult) GatewayStatusInput {
	in := GatewayStatusInput{
		Result:     g,
		Connected:  1,
		Programmed: map[uint32]bool{},
		Addresses:  []gwv1.GatewayStatusAddress{{Value: "192.0.2.1"}},
	}
	for _, l := range g.Listeners {
		in.Programmed[l.Port] = l.Serving || in.Programmed[l.Port]
	}
	return in
}

// pair is a certificate with its key, both PEM.
type pair struct{ certificate, key []byte }

func newPair(t testing.TB, names ...string) pair {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return signedBy(t, key, &key.PublicKey, names...)
}

func newRSAPair(t testing.TB, bits int) pair {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return signedBy(t, key, &key.PublicKey, "example.com")
}

func signedBy(t testing.TB, private, public any, names ...string) pair {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2024),
		Subject:      pkix.Name{CommonName: "test"},
		DNSNames:     names,
		NotAfter:     time.Now().Add(time.Hour),
		IsCA:         true,
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, public, private)
	if err != nil {
		t.Fatal(err)
	}
	key, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pair{
		certificate: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate}),
		key:         pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}),
	}
}

// secret writes a TLS Secret.
func secret(namespace, name string, p pair) string {
	return fmt.Sprintf("kind: Secret\nmetadata: {name: %s, namespace: %s}\ntype: kubernetes.io/tls\ndata: {tls.crt: %q, tls.key: %q}\n",
		name, namespace, base64.StdEncoding.EncodeToString(p.certificate), base64.StdEncoding.EncodeToString(p.key))
}

// authority writes a ConfigMap with a CA bundle.
func authority(namespace, name string, bundle []byte) string {
	text, _ := yaml.Marshal(map[string]any{
		"kind":     "ConfigMap",
		"metadata": map[string]string{"name": name, "namespace": namespace},
		"data":     map[string]string{"ca.crt": string(bytes.TrimSpace(bundle))},
	})
	return string(text)
}

// grant writes a ReferenceGrant of one kind of referrer to one kind of object.
func grant(namespace, fromKind, fromNamespace, toKind, toName string) string {
	to := "{group: \"\", kind: " + toKind + "}"
	if toName != "" {
		to = "{group: \"\", kind: " + toKind + ", name: " + toName + "}"
	}
	return fmt.Sprintf(`kind: ReferenceGrant
metadata: {name: grant-%s-%s, namespace: %s}
spec:
  from: [{group: gateway.networking.k8s.io, kind: %s, namespace: %s}]
  to: [%s]
`, strings.ToLower(fromKind), strings.ToLower(toKind), namespace, fromKind, fromNamespace, to)
}

func keyOf(namespace, name string) types.NamespacedName {
	return types.NamespacedName{Namespace: namespace, Name: name}
}
