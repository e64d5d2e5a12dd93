package cli

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/internal/cli/envoy"
	"github.com/kedify/inference-gateway/internal/cli/reach"
	"github.com/kedify/inference-gateway/internal/names"
)

const (
	// maxProxyAnswer bounds what is read of one Envoy, in bytes.
	maxProxyAnswer = 64 << 20
	// maxPods of one Gateway that are asked.
	maxPods = 200
)

// proxyQuestion is what `proxy` asks an Envoy.
type proxyQuestion struct {
	use, short string
	method     string
	path       func(*proxyFlags) string
	// rows of a table for people; nil: the answer is printed as it is.
	columns []column
	rows    func([]byte) ([][]string, error)
}

// proxyFlags are those of some questions.
type proxyFlags struct{ filter, level string }

var proxyQuestions = []proxyQuestion{
	{use: "config", short: "Print the configuration of Envoys, as JSON without secrets", method: http.MethodGet,
		path: func(*proxyFlags) string { return "/config_dump?include_eds" }},
	{use: "routes", short: "Print the tables of routes of Envoys", method: http.MethodGet,
		path:    func(*proxyFlags) string { return "/config_dump?resource=dynamic_route_configs" },
		columns: []column{{name: "TABLE"}, {name: "DOMAINS"}, {name: "RULES"}, {name: "VERSION"}}, rows: envoy.Routes},
	{use: "clusters", short: "Print the clusters of Envoys, and how many endpoints are healthy", method: http.MethodGet,
		path:    func(*proxyFlags) string { return "/clusters?format=json" },
		columns: []column{{name: "CLUSTER"}, {name: "ENDPOINTS"}, {name: "HEALTHY"}, {name: "REQUESTS"}, {name: "ACTIVE"}}, rows: envoy.Clusters},
	{use: "endpoints", short: "Print the endpoints of Envoys with their health and requests", method: http.MethodGet,
		path:    func(*proxyFlags) string { return "/clusters?format=json" },
		columns: []column{{name: "CLUSTER"}, {name: "ADDRESS"}, {name: "HEALTH"}, {name: "REQUESTS"}, {name: "ACTIVE"}}, rows: envoy.Endpoints},
	{use: "stats", short: "Print the statistics of Envoys", method: http.MethodGet,
		path: func(f *proxyFlags) string { return "/stats?filter=" + url.QueryEscape(f.filter) }},
	{use: "log", short: "Print the levels of Envoy's logs; with --level set them", method: http.MethodPost,
		path: func(f *proxyFlags) string {
			if f.level == "" {
				return "/logging"
			}
			return "/logging?level=" + url.QueryEscape(f.level)
		}},
}

// proxyCommand asks the Envoys of a Gateway.
func proxyCommand() *cobra.Command {
	command := &cobra.Command{
		Use:     "proxy",
		Short:   "Ask the Envoys of a Gateway for configuration, endpoints, statistics and logs",
		Example: "  kubectl kedify proxy endpoints shop/web\n  kubectl kedify proxy stats shop/web --filter downstream_rq",
	}
	for _, question := range proxyQuestions {
		command.AddCommand(proxyQuestionCommand(question))
	}
	return command
}

func proxyQuestionCommand(question proxyQuestion) *cobra.Command {
	where, out, flags := newCluster(), &output{}, &proxyFlags{}
	command := &cobra.Command{
		Use: question.use + " NAMESPACE/GATEWAY[/POD]", Short: question.short, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			found, _, err := where.connect()
			if err != nil {
				return err
			}
			pods, err := proxies(cmd.Context(), found, args[0])
			if err != nil {
				return err
			}
			to := &proxyPrinter{to: cmd.OutOrStdout(), out: out, question: question, several: len(pods) > 1}
			for _, pod := range pods {
				if err := to.print(ask(cmd.Context(), found, pod, question, flags)); err != nil {
					return err
				}
			}
			return to.end()
		},
	}
	where.addFlags(command.Flags(), false)
	if question.rows != nil {
		out.addFlags(command.Flags())
	}
	switch question.use {
	case "stats":
		command.Flags().StringVar(&flags.filter, "filter", "", "regular expression for the names of statistics")
	case "log":
		command.Flags().StringVar(&flags.level, "level", "", "level to set: trace, debug, info, warning, error, critical or off")
	}
	return command
}

// proxies returns the Pods that an argument names.
func proxies(ctx context.Context, found *reach.Cluster, arg string) ([]types.NamespacedName, error) {
	parts := strings.Split(arg, "/")
	if len(parts) != 2 && len(parts) != 3 {
		return nil, fmt.Errorf("%q is not written as NAMESPACE/GATEWAY or NAMESPACE/GATEWAY/POD", arg)
	}
	var list corev1.PodList
	err := found.Client.List(ctx, &list, client.InNamespace(parts[0]),
		client.MatchingLabels{gwv1.GatewayNameLabelKey: names.LabelValue(parts[1])}, client.Limit(maxPods))
	if err != nil {
		return nil, fmt.Errorf("list the Pods of Gateway %s/%s: %w", parts[0], parts[1], err)
	}
	var pods []types.NamespacedName
	for _, pod := range list.Items {
		if pod.Status.Phase == corev1.PodRunning && (len(parts) == 2 || pod.Name == parts[2]) {
			pods = append(pods, types.NamespacedName{Namespace: pod.Namespace, Name: pod.Name})
		}
	}
	if len(pods) == 0 {
		return nil, fmt.Errorf("no Pod of %s runs", arg)
	}
	slices.SortFunc(pods, func(a, b types.NamespacedName) int { return strings.Compare(a.Name, b.Name) })
	return pods, nil
}

// proxyAnswer is what one Envoy said.
type proxyAnswer struct {
	pod  types.NamespacedName
	body []byte
	err  error
}

// ask executes the hidden command admin of the product in the container beside Envoy.
func ask(ctx context.Context, found *reach.Cluster, pod types.NamespacedName, question proxyQuestion, flags *proxyFlags) proxyAnswer {
	command := []string{"/kedify-gateway", "admin", question.method, question.path(flags)}
	body, err := found.Exec(ctx, pod, reach.ContainerShutdown, command, maxProxyAnswer)
	return proxyAnswer{pod: pod, body: body, err: err}
}

// proxyPrinter writes what Envoys said: for people one after the other, else as one list.
type proxyPrinter struct {
	to       io.Writer
	out      *output
	question proxyQuestion
	several  bool
	items    []map[string]string
}

func (p *proxyPrinter) print(answer proxyAnswer) error {
	if answer.err != nil {
		return answer.err
	}
	if p.several && p.out.forPeople() {
		if _, err := fmt.Fprintf(p.to, "# Pod %s\n", answer.pod); err != nil {
			return err
		}
	}
	if p.question.rows == nil {
		_, err := fmt.Fprintf(p.to, "%s\n", strings.TrimSuffix(string(answer.body), "\n"))
		return err
	}
	rows, err := p.question.rows(answer.body)
	if err != nil {
		return err
	}
	if p.out.forPeople() {
		return p.out.table(p.to, p.question.columns, cellsOf(rows))
	}
	p.items = append(p.items, named(p.question.columns, rows, answer.pod.Name)...)
	return nil
}

// end writes the list.
func (p *proxyPrinter) end() error {
	if p.out.forPeople() {
		return nil
	}
	return p.out.print(p.to, "ProxyList", p.items)
}

func cellsOf(rows [][]string) [][]any {
	cells := make([][]any, 0, len(rows))
	for _, row := range rows {
		line := make([]any, 0, len(row))
		for _, cell := range row {
			line = append(line, cell)
		}
		cells = append(cells, line)
	}
	return cells
}

// named are rows as objects, with the names of the columns in lower case.
func named(columns []column, rows [][]string, pod string) []map[string]string {
	items := make([]map[string]string, 0, len(rows))
	for _, row := range rows {
		item := map[string]string{"pod": pod}
		for i, cell := range row {
			item[strings.ToLower(columns[i].name)] = cell
		}
		items = append(items, item)
	}
	return items
}
