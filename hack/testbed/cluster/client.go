package cluster

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

//go:embed coredns.yaml
var dnsTemplate []byte

// dnsManifest is the file with the address that pods are told.
func dnsManifest(l Layout) []byte {
	return bytes.ReplaceAll(dnsTemplate, []byte("clusterIP: "+byFamily[IPv4].dns+"\n"), []byte("clusterIP: \""+l.addresses().dns+"\"\n"))
}

// Client asks the API server whether the cluster is up. It works only inside
// the namespaces.
type Client struct{ kubernetes.Interface }

// NewClient connects as the administrator.
func NewClient(l Layout) (Client, error) {
	config, err := clientcmd.BuildConfigFromFlags("", l.Kubeconfig())
	if err != nil {
		return Client{}, err
	}
	config.QPS = -1
	client, err := kubernetes.NewForConfig(config)
	return Client{client}, err
}

func (c Client) apiReady(ctx context.Context) error {
	_, err := c.Discovery().RESTClient().Get().AbsPath("/readyz").DoRaw(ctx)
	if err == nil {
		return nil
	}
	// The error quotes 40 checks, most of them good.
	if failing := failedCheck.FindAllString(err.Error(), -1); failing != nil {
		return errors.New(strings.Join(failing, ", "))
	}
	return err
}

var failedCheck = regexp.MustCompile(`\[-\]\S+ failed`)

func (c Client) nodeRegistered(ctx context.Context) error {
	node, err := c.CoreV1().Nodes().Get(ctx, NodeName, metav1.GetOptions{})
	if err == nil && len(node.Status.Addresses) == 0 {
		return errors.New("the node has no address yet")
	}
	return err
}

func (c Client) nodeReady(ctx context.Context) error {
	node, err := c.CoreV1().Nodes().Get(ctx, NodeName, metav1.GetOptions{})
	if err != nil {
		return err
	}
	for _, condition := range node.Status.Conditions {
		if condition.Type == corev1.NodeReady && condition.Status != corev1.ConditionTrue {
			return errors.New(condition.Message)
		}
		if condition.Type == corev1.NodeReady {
			return nil
		}
	}
	return errors.New("no Ready condition yet")
}

func (c Client) dnsReady(ctx context.Context) error {
	deployment, err := c.AppsV1().Deployments("kube-system").Get(ctx, "coredns", metav1.GetOptions{})
	if err != nil {
		return err
	}
	if deployment.Status.AvailableReplicas == 0 {
		return errors.New("no replica is available")
	}
	return nil
}

func applyDNS(ctx context.Context, l Layout) error {
	cmd := exec.CommandContext(ctx, l.path("bin", "kubectl"), "--kubeconfig", l.Kubeconfig(),
		"apply", "--server-side", "--force-conflicts", "--filename=-")
	cmd.Env = append(os.Environ(), kubectlCache)
	cmd.Stdin = bytes.NewReader(dnsManifest(l))
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("apply DNS: %w\n%s", err, out)
	}
	return nil
}
