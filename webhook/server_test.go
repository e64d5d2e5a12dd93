package webhook

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/onsi/gomega"
	"go.uber.org/goleak"
	admissionv1 "k8s.io/api/admission/v1"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/kedify/inference-gateway/controllers/certs"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const serverName = "kedify-gateway.kedify-system.svc"

func keeper(t *testing.T) *certs.Keeper {
	t.Helper()
	k := certs.NewKeeper(certs.Options{
		Client: fake.NewClientBuilder().Build(), Namespace: "kedify-system", Name: certs.SecretName,
		Clock: clocktesting.NewFakeClock(time.Now()), Log: logr.Discard(),
	})
	if err := k.Load(context.Background()); err != nil {
		t.Fatal(err)
	}
	return k
}

// An API server, which shows no certificate and trusts the bundle that the leader registered,
// is answered; and for a moment also when the server was told to stop.
func TestServe(t *testing.T) {
	k := keeper(t)
	authority, err := k.Authority()
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authority.Bundle())
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	clock := clocktesting.NewFakeClock(time.Now())
	server := NewServer(Options{TLS: k.ServerTLS(serverName), ScalerAddress: scalerAddress, Clock: clock, Log: logr.Discard()})
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	served := make(chan error, 1)
	go func() { served <- server.Serve(ctx, listener) }()

	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: serverName}, ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	ask := func(path string) admissionv1.AdmissionReview {
		t.Helper()
		review := admissionv1.AdmissionReview{TypeMeta: metav1.TypeMeta{APIVersion: "admission.k8s.io/v1", Kind: "AdmissionReview"}}
		about := request(t, strings.Replace(good, `"80"`, `"x"`, 1))
		review.Request = &about.AdmissionRequest
		body, err := json.Marshal(review)
		if err != nil {
			t.Fatal(err)
		}
		response, err := (&http.Client{Transport: transport}).Post("https://"+listener.Addr().String()+path,
			"application/json", bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		review = admissionv1.AdmissionReview{}
		if err := json.NewDecoder(response.Body).Decode(&review); err != nil {
			t.Fatal(err)
		}
		return review
	}
	review := ask(ValidatePath)
	if review.Response.Allowed || review.Response.UID != "1" || !strings.Contains(review.Response.Result.Message, "port") {
		t.Errorf("response %+v", review.Response)
	}
	if review := ask(MutatePath); !review.Response.Allowed || len(review.Response.Patch) == 0 {
		t.Errorf("response %+v", review.Response)
	}

	cancel()
	gomega.NewWithT(t).Eventually(clock.HasWaiters).WithTimeout(10 * time.Second).WithPolling(time.Millisecond).Should(gomega.BeTrue())
	ask(ValidatePath)
	clock.Step(linger)
	if err := <-served; err != nil {
		t.Error(err)
	}
}

func TestServeFailsAloud(t *testing.T) {
	k := keeper(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = listener.Close()
	options := Options{TLS: k.ServerTLS(serverName), Clock: clocktesting.NewFakeClock(time.Now()), Log: logr.Discard()}
	if err := NewServer(options).Serve(context.Background(), listener); err == nil {
		t.Error("a listener that is closed is no error")
	}
}

func TestRegistrar(t *testing.T) {
	k := keeper(t)
	scheme := runtime.NewScheme()
	if err := admissionregistrationv1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	configuration := &admissionregistrationv1.ValidatingWebhookConfiguration{
		ObjectMeta: metav1.ObjectMeta{Name: "kedify-gateway"},
		Webhooks:   []admissionregistrationv1.ValidatingWebhook{{Name: "a"}, {Name: "b"}},
	}
	writes := make(chan struct{}, 10)
	c := interceptor.NewClient(fake.NewClientBuilder().WithScheme(scheme).WithObjects(configuration).Build(), interceptor.Funcs{
		Update: func(ctx context.Context, c client.WithWatch, object client.Object, options ...client.UpdateOption) error {
			defer func() { writes <- struct{}{} }()
			return c.Update(ctx, object, options...)
		},
	})
	clock := clocktesting.NewFakeClock(time.Now())
	r := NewRegistrar(RegistrarOptions{Client: c, Name: "kedify-gateway", Authority: k.Authority, Clock: clock, Log: logr.Discard()})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	<-writes
	check := func() {
		t.Helper()
		authority, err := k.Authority()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Get(ctx, client.ObjectKeyFromObject(configuration), configuration); err != nil {
			t.Fatal(err)
		}
		for _, webhook := range configuration.Webhooks {
			if !bytes.Equal(webhook.ClientConfig.CABundle, authority.Bundle()) {
				t.Errorf("bundle of %s: %q", webhook.Name, webhook.ClientConfig.CABundle)
			}
		}
	}
	check()
	gomega.NewWithT(t).Eventually(clock.HasWaiters).WithTimeout(10 * time.Second).WithPolling(time.Millisecond).Should(gomega.BeTrue())
	clock.Step(registerInterval) // nothing to write
	configuration.Webhooks[1].ClientConfig.CABundle = []byte("wrong")
	if err := c.Update(ctx, configuration); err != nil {
		t.Fatal(err)
	}
	<-writes // the correction by the registrar
	r.Refresh()
	<-writes
	check()
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if len(writes) > 0 {
		t.Errorf("%d writes more", len(writes))
	}
}

// TestX4FloodOfReviews: the long reviews of a stranger are refused before they are read, and the API server is answered
// meanwhile. Its review of the longest object that etcd takes, before and after a change, is read.
func TestX4FloodOfReviews(t *testing.T) {
	server := NewServer(Options{ScalerAddress: scalerAddress, Clock: clocktesting.NewFakeClock(time.Now()), Log: logr.Discard()})
	review := admissionv1.AdmissionReview{TypeMeta: metav1.TypeMeta{APIVersion: "admission.k8s.io/v1", Kind: "AdmissionReview"}}
	about := request(t, good)
	review.Request = &about.AdmissionRequest
	body, err := json.Marshal(review)
	if err != nil {
		t.Fatal(err)
	}
	ask := func(address string, body io.Reader, size int64) int {
		question := httptest.NewRequest(http.MethodPost, ValidatePath, body)
		question.Header.Set("Content-Type", "application/json")
		question.RemoteAddr, question.ContentLength = address+":1", size
		answer := httptest.NewRecorder()
		server.handler.ServeHTTP(answer, question)
		return answer.Code
	}
	for range 8 { // bodies that never come: what they are said to have is taken until their time is over
		reader, writer := io.Pipe()
		done := make(chan struct{})
		go func() { defer close(done); ask("10.0.0.66", reader, 3<<20) }()
		t.Cleanup(func() { _ = writer.Close(); <-done })
	}
	if got := ask("10.0.0.66", strings.NewReader(""), 5<<20); got != http.StatusRequestEntityTooLarge {
		t.Errorf("a longer review: %d", got)
	}
	long := append(bytes.Clone(body), bytes.Repeat([]byte(" "), 3<<20)...)
	for _, text := range [][]byte{body, long} {
		if got := ask("10.0.0.1", bytes.NewReader(text), int64(len(text))); got != http.StatusOK {
			t.Errorf("a review of the API server with %d bytes: %d", len(text), got)
		}
	}
}
