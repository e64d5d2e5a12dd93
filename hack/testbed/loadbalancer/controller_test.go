package loadbalancer

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/fake"
)

func service(name, wanted string) *corev1.Service {
	return &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name},
		Spec:       corev1.ServiceSpec{Type: corev1.ServiceTypeLoadBalancer, LoadBalancerIP: wanted},
	}
}

// start runs a controller over a small range until the test ends.
func start(t *testing.T, existing ...*corev1.Service) kubernetes.Interface {
	t.Helper()
	client := fake.NewClientset()
	for _, s := range existing {
		create(t, client, s)
	}
	ctx, cancel := context.WithCancel(context.Background())
	c := Controller{Client: client, Pool: NewPool(netip.MustParsePrefix("10.99.0.0/24"), netip.MustParsePrefix("10.99.0.128/25"), time.Now)}
	ended := make(chan error)
	go func() { ended <- c.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-ended })
	return client
}

func create(t *testing.T, client kubernetes.Interface, s *corev1.Service) {
	t.Helper()
	if _, err := client.CoreV1().Services(s.Namespace).Create(context.Background(), s, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

// patience is how long a test waits for the controller.
const patience = 2 * time.Second

func wait(t *testing.T, client kubernetes.Interface, name, want string) {
	t.Helper()
	gomega.NewWithT(t).Eventually(func() (string, error) {
		s, err := client.CoreV1().Services("default").Get(context.Background(), name, metav1.GetOptions{})
		if err != nil || !current(s).IsValid() {
			return "", err
		}
		return current(s).String(), nil
	}).WithTimeout(patience).WithPolling(10*time.Millisecond).Should(gomega.Equal(want), name)
}

func TestServicesGetAndLoseAddresses(t *testing.T) {
	had := service("had", "")
	had.Status.LoadBalancer.Ingress = []corev1.LoadBalancerIngress{{IP: "10.99.0.1"}}
	client := start(t, had)
	create(t, client, service("asks", "10.99.0.200"))
	wait(t, client, "asks", "10.99.0.200")
	create(t, client, service("any", ""))
	wait(t, client, "any", "10.99.0.2") // the first one is taken since before
	wait(t, client, "had", "10.99.0.1")

	class := "somebody-else"
	other := service("other", "")
	other.Spec.LoadBalancerClass = &class
	create(t, client, other)
	plain := service("any", "")
	plain.Spec.Type = corev1.ServiceTypeClusterIP
	plain.Status.LoadBalancer.Ingress = []corev1.LoadBalancerIngress{{IP: "10.99.0.2"}}
	if _, err := client.CoreV1().Services("default").Update(context.Background(), plain, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	wait(t, client, "any", "")
	wait(t, client, "other", "")
}

func TestTakenAddressIsGivenWhenReleased(t *testing.T) {
	client := start(t)
	create(t, client, service("first", "10.99.0.200"))
	wait(t, client, "first", "10.99.0.200")
	create(t, client, service("second", "10.99.0.200"))
	events := func() int {
		list, err := client.CoreV1().Events("default").List(context.Background(), metav1.ListOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return len(list.Items)
	}
	gomega.NewWithT(t).Eventually(events).WithTimeout(patience).WithPolling(10 * time.Millisecond).Should(gomega.Equal(1))
	if err := client.CoreV1().Services("default").Delete(context.Background(), "first", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	wait(t, client, "second", "10.99.0.200")
}
