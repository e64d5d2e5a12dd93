package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kedify/inference-gateway/internal/cli/bundle"
	"github.com/kedify/inference-gateway/internal/cli/checkup"
	"github.com/kedify/inference-gateway/internal/cli/facts"
	"github.com/kedify/inference-gateway/internal/cli/reach"
)

const (
	// logSize bounds the log of one container, in bytes.
	logSize = 4 << 20
	// maxProxies bounds the Envoys that are asked.
	maxProxies = 50
)

// collectedKinds are read of all namespaces. Secrets and ConfigMaps are not among them.
var collectedKinds = []schema.GroupVersionKind{
	{Group: "gateway.networking.k8s.io", Version: "v1", Kind: "GatewayClass"},
	{Group: "gateway.networking.k8s.io", Version: "v1", Kind: "Gateway"},
	{Group: "gateway.networking.k8s.io", Version: "v1", Kind: "ListenerSet"},
	{Group: "gateway.networking.k8s.io", Version: "v1", Kind: "HTTPRoute"},
	{Group: "gateway.networking.k8s.io", Version: "v1", Kind: "GRPCRoute"},
	{Group: "gateway.networking.k8s.io", Version: "v1", Kind: "TLSRoute"},
	{Group: "gateway.networking.k8s.io", Version: "v1", Kind: "ReferenceGrant"},
	{Group: "gateway.networking.k8s.io", Version: "v1", Kind: "BackendTLSPolicy"},
	{Group: "inference.networking.k8s.io", Version: "v1", Kind: "InferencePool"},
	{Group: "gateway.kedify.io", Version: "v1alpha1", Kind: "GatewayParameters"},
	{Group: "gateway.kedify.io", Version: "v1alpha1", Kind: "HTTPScaler"},
	{Group: "keda.sh", Version: "v1alpha1", Kind: "ScaledObject"},
	{Group: "autoscaling", Version: "v2", Kind: "HorizontalPodAutoscaler"},
	{Group: "apps", Version: "v1", Kind: "Deployment"},
	{Group: "", Version: "v1", Kind: "Service"},
	{Group: "discovery.k8s.io", Version: "v1", Kind: "EndpointSlice"},
	{Group: "networking.k8s.io", Version: "v1", Kind: "Ingress"},
	{Group: "", Version: "v1", Kind: "Event"},
}

// collectCommand writes an archive for support.
func collectCommand() *cobra.Command {
	where := newCluster()
	var file string
	command := &cobra.Command{
		Use:   "collect",
		Short: "Write an archive about the installation for a report, without secrets",
		Long: `Write an archive about the installation for a report: objects, what the replicas of
the control plane know, logs, and the configuration of Envoys. Secrets are not read;
credentials in headers, logs and addresses are taken out. Read the archive before
you hand it on: names of hosts, Services and namespaces are in it.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			found, _, err := where.connect()
			if err != nil {
				return err
			}
			now := time.Now().UTC()
			if file == "" {
				file = "kedify-gateway-" + now.Format("20060102-150405") + ".tar.gz"
			}
			missing, err := collect(cmd.Context(), found, file, now)
			if err != nil {
				return err
			}
			for _, each := range missing {
				fmt.Fprintln(cmd.ErrOrStderr(), "Missing:", each)
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), file)
			return err
		},
	}
	where.addFlags(command.Flags(), false)
	command.Flags().StringVar(&file, "file", "", "file to write; kedify-gateway-TIME.tar.gz unless set")
	return command
}

// collect writes the archive. A file that exists is not overwritten.
func collect(ctx context.Context, found *reach.Cluster, file string, now time.Time) (missing []string, err error) {
	out, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	c := &collector{
		cluster: found, asked: source(ctx, found),
		to: bundle.New(out, strings.TrimSuffix(filepath.Base(file), ".tar.gz"), now, bundle.DefaultLimits),
	}
	c.summaries(ctx)
	c.views(ctx)
	c.objects(ctx)
	c.logs(ctx)
	return c.to.Close()
}

// collector adds to an archive.
type collector struct {
	cluster *reach.Cluster
	asked   *facts.Source
	to      *bundle.Writer
}

func (c *collector) summaries(ctx context.Context) {
	rows, err := c.asked.Rows(ctx, "")
	c.value("status.json", rows, err)
	c.value("doctor.json", checkup.Of(c.asked.Installation(ctx, c.cluster.System, c.cluster.Core.Discovery())), nil)
}

// value adds a value as JSON; an error says that it is not all of it.
func (c *collector) value(name string, value any, failure error) {
	if failure != nil {
		c.to.Missing(name, failure)
	}
	text, err := json.Marshal(value)
	if err != nil {
		c.to.Missing(name, err)
		return
	}
	c.to.JSON(name, text)
}

func (c *collector) views(ctx context.Context) {
	for _, path := range []string{"/xds", "/demand", "/keda", "/hold", "/status/proxies", reach.MetricsPath} {
		answers, err := c.cluster.Views.Get(ctx, path)
		if err != nil {
			c.to.Missing("views"+path, err)
		}
		for _, answer := range answers {
			name := "replicas/" + answer.Replica + path
			switch {
			case answer.Err != nil:
				c.to.Missing(name, answer.Err)
			case path == reach.MetricsPath:
				c.to.Text(name+".txt", answer.Body)
			default:
				c.to.JSON(name+".json", answer.Body)
			}
		}
	}
}

func (c *collector) objects(ctx context.Context) {
	for _, kind := range collectedKinds {
		list := &unstructured.UnstructuredList{}
		list.SetGroupVersionKind(kind.GroupVersion().WithKind(kind.Kind + "List"))
		name := "objects/" + strings.ToLower(kind.Kind) + ".yaml"
		if err := c.cluster.Client.List(ctx, list, client.Limit(facts.MaxObjects)); err != nil {
			c.to.Missing(name, err)
			continue
		}
		if list.GetContinue() != "" {
			c.to.Missing(name, fmt.Errorf("there are more than %d; these are the first", facts.MaxObjects))
		}
		objects := make([]map[string]any, 0, len(list.Items))
		for i := range list.Items {
			objects = append(objects, list.Items[i].Object)
		}
		c.to.Objects(name, objects)
	}
}

// logs adds those of the replicas and of the Envoys, and the configuration of these.
func (c *collector) logs(ctx context.Context) {
	pods, err := reach.Controllers(ctx, c.cluster.Client, c.cluster.System)
	if err != nil {
		c.to.Missing("replicas", err)
	}
	for i := range pods {
		for _, container := range pods[i].Spec.Containers {
			c.log(ctx, types.NamespacedName{Namespace: pods[i].Namespace, Name: pods[i].Name}, container.Name, "replicas/"+pods[i].Name)
		}
	}
	gateways, err := c.asked.Gateways(ctx)
	if err != nil {
		c.to.Missing("proxies", err)
	}
	asked := 0
	for _, gateway := range gateways {
		pods, err := proxies(ctx, c.cluster, gateway.String())
		if err != nil {
			c.to.Missing("proxies/"+gateway.String(), err)
			continue
		}
		for _, pod := range pods {
			if asked++; asked > maxProxies {
				c.to.Missing("proxies/"+pod.String(), fmt.Errorf("there are more than %d proxies", maxProxies))
				return
			}
			c.proxy(ctx, pod)
		}
	}
}

func (c *collector) proxy(ctx context.Context, pod types.NamespacedName) {
	folder := "proxies/" + pod.Namespace + "/" + pod.Name
	c.log(ctx, pod, reach.ContainerEnvoy, folder)
	for _, question := range proxyQuestions {
		if question.method != http.MethodGet || question.use == "routes" || question.use == "endpoints" { // in the others
			continue
		}
		answer := ask(ctx, c.cluster, pod, question, &proxyFlags{})
		switch name := folder + "/" + question.use; {
		case answer.err != nil:
			c.to.Missing(name, answer.err)
		case json.Valid(answer.body):
			c.to.JSON(name+".json", answer.body)
		default:
			c.to.Text(name+".txt", answer.body)
		}
	}
}

func (c *collector) log(ctx context.Context, pod types.NamespacedName, container, folder string) {
	name := folder + "/" + container + ".log"
	text, err := c.cluster.Logs(ctx, pod, container, logSize)
	if err != nil {
		c.to.Missing(name, err)
		return
	}
	c.to.Text(name, text)
}
