package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kedify/inference-gateway/controllers"
	"github.com/kedify/inference-gateway/controllers/offline"
	"github.com/kedify/inference-gateway/internal/cli/facts"
	"github.com/kedify/inference-gateway/internal/cli/request"
)

// requestQuestion are the flags of `explain request`.
type requestQuestion struct {
	where   *cluster
	headers []string
	model   string
	gateway string
	files   []string
}

// explainRequestCommand says what becomes of one request.
func explainRequestCommand() *cobra.Command {
	q, out := &requestQuestion{where: newCluster()}, &output{}
	command := &cobra.Command{
		Use:   "request METHOD URL",
		Short: "Say which Gateway, listener, host, rule, backend and Pods take a request; if none, what comes nearest",
		Long: `Say which Gateway, listener, host, rule, backend and Pods take a request, as the
proxies do it. If none takes it, say what comes nearest, and exit with 1.

No request is sent. With -f the objects of files are asked, else those of the
cluster; Secrets are not read.`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			asked, err := request.Parse(args[0], args[1], q.headers)
			if err != nil {
				return err
			}
			asked.Model = q.model
			gateway := types.NamespacedName{}
			if q.gateway != "" {
				namespace, name, slash := strings.Cut(q.gateway, "/")
				if !slash {
					return fmt.Errorf("--gateway is %q: use namespace/name", q.gateway)
				}
				gateway = types.NamespacedName{Namespace: namespace, Name: name}
			}
			world, err := q.world(cmd.Context(), cmd.InOrStdin(), cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			return printChecklists(cmd.OutOrStdout(), out, world.Explain(asked, gateway)...)
		},
	}
	flags := command.Flags()
	flags.StringArrayVarP(&q.headers, "header", "H", nil, "header of the request, \"Name: value\"; may be repeated")
	flags.StringVar(&q.model, "model", "", "model that the JSON body of the request asks for; none without it")
	flags.StringVar(&q.gateway, "gateway", "", "namespace/name of the Gateway that the request comes to; all are asked without it")
	flags.StringArrayVarP(&q.files, "filename", "f", nil, "file or directory with objects, - for standard input; may be repeated")
	q.where.addFlags(flags, false)
	out.addFlags(flags)
	return command
}

// world is what files describe, or what the cluster has.
func (q *requestQuestion) world(ctx context.Context, in io.Reader, notes io.Writer) (request.World, error) {
	scheme := controllers.NewScheme()
	if len(q.files) > 0 {
		objects, err := offline.Read(scheme, q.files, in)
		if err != nil {
			return request.World{}, err
		}
		result, err := offline.Translate(scheme, objects, offline.Setting{Programmed: true, ScalerAddress: defaultScaler()})
		return worldOf(result, objects.Watched), err
	}
	found, _, err := q.where.connect()
	if err != nil {
		return request.World{}, err
	}
	objects, unread, err := source(ctx, found).World(ctx, scheme)
	if err != nil {
		return request.World{}, err
	}
	if len(unread) > 0 {
		fmt.Fprintf(notes, "Not all is known: you may not list %s.\n", strings.Join(unread, ", "))
	}
	result, err := offline.Translate(scheme, offline.Objects{Watched: objects}, offline.Setting{Programmed: true})
	return worldOf(result, objects), err
}

func worldOf(result offline.Result, objects []client.Object) request.World {
	return request.World{
		Gateways: result.Gateways, Pods: facts.PodsByAddress(objects), Unserved: request.Unserved(result.Problems, objects),
		NoEndpoints: !slices.ContainsFunc(objects, func(object client.Object) bool {
			_, slice := object.(*discoveryv1.EndpointSlice)
			return slice
		}),
	}
}
