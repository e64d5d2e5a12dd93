package cli

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"k8s.io/cli-runtime/pkg/genericclioptions"

	"github.com/kedify/inference-gateway/internal/cli/facts"
	"github.com/kedify/inference-gateway/internal/cli/reach"
)

// DefaultSystem is the namespace of an installation.
const DefaultSystem = "kedify-system"

// SystemNamespace is the namespace of the installation: that of the Pod where the command runs in one, else the default.
func SystemNamespace() string {
	if namespace := os.Getenv("POD_NAMESPACE"); namespace != "" {
		return namespace
	}
	return DefaultSystem
}

// cluster are the flags with which a command finds a cluster.
type cluster struct {
	config *genericclioptions.ConfigFlags
	system string
	all    bool
}

func newCluster() *cluster {
	return &cluster{config: genericclioptions.NewConfigFlags(true)}
}

// shownFlags are those of kubectl that the help names. The others work as well.
var shownFlags = []string{"kubeconfig", "context", "namespace", "request-timeout"}

func (c *cluster) addFlags(flags *pflag.FlagSet, allNamespaces bool) {
	own := pflag.NewFlagSet("", pflag.ContinueOnError)
	c.config.AddFlags(own)
	own.VisitAll(func(flag *pflag.Flag) { flag.Hidden = !slices.Contains(shownFlags, flag.Name) })
	flags.AddFlagSet(own)
	flags.StringVar(&c.system, "system", SystemNamespace(), "namespace of the installation")
	if allNamespaces {
		flags.BoolVarP(&c.all, "all-namespaces", "A", false, "all namespaces")
	}
}

// connect returns the cluster, and the namespace that is asked about; empty: all.
func (c *cluster) connect() (*reach.Cluster, string, error) {
	config, err := c.config.ToRESTConfig()
	if err != nil {
		return nil, "", fmt.Errorf("find a cluster: %w", err)
	}
	namespace, _, err := c.config.ToRawKubeConfigLoader().Namespace()
	if err != nil {
		return nil, "", fmt.Errorf("find a namespace: %w", err)
	}
	if c.all {
		namespace = ""
	}
	found, err := reach.New(config, c.system)
	return found, namespace, err
}

// source returns what answers questions about a cluster.
func source(ctx context.Context, found *reach.Cluster) *facts.Source {
	return &facts.Source{Reader: found.Client, Views: found.Views, ScalerAddress: scalerAddress(ctx, found), Now: time.Now()}
}

// scalerAddress is what the Pods of the control plane say of it; empty: they cannot be read.
func scalerAddress(ctx context.Context, found *reach.Cluster) string {
	pods, err := reach.Controllers(ctx, found.Client, found.System)
	if err != nil {
		return ""
	}
	for _, pod := range pods {
		for _, container := range pod.Spec.Containers {
			for _, arg := range container.Args {
				if address, is := strings.CutPrefix(arg, "--scaler-address="); is {
					return address
				}
			}
		}
	}
	return ""
}
