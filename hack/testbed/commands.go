package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/kedify/inference-gateway/hack/testbed/build"
	"github.com/kedify/inference-gateway/hack/testbed/cluster"
	"github.com/kedify/inference-gateway/hack/testbed/image"
	"github.com/kedify/inference-gateway/hack/testbed/progress"
)

// options are the flags that several commands share.
type options struct {
	root, name string
}

func rootCommand() *cobra.Command {
	o := &options{}
	root := &cobra.Command{
		Use:           "testbed",
		Short:         "A real single-node Kubernetes in namespaces of its own",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.PersistentFlags().StringVar(&o.name, "name", "default", "which cluster; several can run at once")
	root.PersistentFlags().StringVar(&o.root, "root", "", "repository (default: the one around the working directory)")
	root.AddCommand(upCommand(o), downCommand(o), execCommand(o), shellCommand(o), statusCommand(o),
		kubeconfigCommand(o), buildCommand(o), imagesCommand(o))
	root.AddCommand(holderCommand(), bootCommand(), loadBalancerCommand())
	return root
}

var validName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$`)

func (o *options) layout() (cluster.Layout, error) {
	if !validName.MatchString(o.name) {
		return cluster.Layout{}, fmt.Errorf("%q is no name for a cluster: use lower case, digits and dashes", o.name)
	}
	root, err := o.repository()
	return cluster.NewLayout(root, o.name), err
}

// repository is the nearest folder with our go.mod, from the working
// directory upwards.
func (o *options) repository() (string, error) {
	if o.root != "" {
		return filepath.Abs(o.root)
	}
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for start := dir; ; dir = filepath.Dir(dir) {
		data, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && strings.HasPrefix(string(data), "module github.com/kedify/inference-gateway\n") {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("%s is not inside the repository", start)
		}
	}
}

func (o *options) builder(log *progress.Log) (*build.Builder, error) {
	root, err := o.repository()
	if err != nil {
		return nil, err
	}
	return build.New(root, log)
}

func upCommand(o *options) *cobra.Command {
	var profile, family string
	var lweppAsEPP bool
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Build what is missing and start a fresh cluster",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			layout, err := o.layout()
			if err != nil {
				return err
			}
			if layout.Family, err = cluster.ParseFamily(family); err != nil {
				return err
			}
			log := progress.New(os.Stdout, time.Now())
			builder, err := o.builder(log)
			if err != nil {
				return err
			}
			up := cluster.UpOptions{Layout: layout, Builder: builder, Profile: profile, Log: log, Images: image.Options{LWEPPAsEPP: lweppAsEPP}}
			if err := cluster.Up(cmd.Context(), up); err != nil {
				return err
			}
			if profile == image.Conformance && lweppAsEPP {
				fmt.Println("\nNote: the image name lwepp:v1.6.0 holds EPP v1.5.0 with the conformance test plugins,\n" +
					"because the stock one cannot answer streamed bodies; say so in reports. --lwepp-as-epp=false turns it off.")
			}
			fmt.Printf("\nkubeconfig  %s\nenter       %s shell --name %s\nrun         %s exec --name %s -- kubectl get pods -A\n",
				layout.Kubeconfig(), os.Args[0], o.name, os.Args[0], o.name)
			return nil
		},
	}
	cmd.Flags().StringVar(&family, "ip-family", string(cluster.IPv4), "addresses of node, pods and Services: ipv4 or ipv6")
	cmd.Flags().StringVar(&profile, "profile", image.Minimal, "what the cluster is for: "+strings.Join(image.Profiles, ", "))
	cmd.Flags().BoolVar(&lweppAsEPP, "lwepp-as-epp", true, "profile conformance: put EPP v1.5.0 with test plugins under the name lwepp:v1.6.0")
	return cmd
}

func downCommand(o *options) *cobra.Command {
	var purge, all bool
	cmd := &cobra.Command{
		Use:   "down",
		Short: "Stop a cluster and remove all but its logs",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			layout, err := o.layout()
			if err != nil {
				return err
			}
			if !all {
				return cluster.Down(layout, purge)
			}
			root, err := o.repository()
			if err != nil {
				return err
			}
			names, err := cluster.List(root)
			if err != nil {
				return err
			}
			for _, name := range names {
				if err := cluster.Down(cluster.NewLayout(root, name), purge); err != nil {
					return fmt.Errorf("%s: %w", name, err)
				}
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&purge, "purge", false, "remove the logs and packed images as well")
	cmd.Flags().BoolVar(&all, "all", false, "every cluster of this repository")
	return cmd
}

func statusCommand(o *options) *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Print what runs, memory and addresses",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			layout, err := o.layout()
			if err != nil {
				return err
			}
			return cluster.Status(layout, os.Stdout)
		},
	}
}

func kubeconfigCommand(o *options) *cobra.Command {
	return &cobra.Command{
		Use:   "kubeconfig",
		Short: "Print the path of the administrator's kubeconfig",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			layout, err := o.layout()
			if err == nil {
				fmt.Println(layout.Kubeconfig())
			}
			return err
		},
	}
}

func buildCommand(o *options) *cobra.Command {
	var names []string
	for _, c := range build.Components {
		names = append(names, c.Name)
	}
	return &cobra.Command{
		Use:       "build [component...]",
		Short:     "Only build, all components by default: " + strings.Join(names, ", "),
		ValidArgs: names,
		Args:      cobra.OnlyValidArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			builder, err := o.builder(progress.New(os.Stdout, time.Now()))
			if err != nil {
				return err
			}
			if len(args) == 0 {
				args = names
			}
			dirs, err := builder.Build(cmd.Context(), build.Request{Components: args})
			if err != nil {
				return err
			}
			slices.Sort(args)
			for _, name := range args {
				fmt.Printf("%-22s %s\n", name, dirs[name])
			}
			return nil
		},
	}
}

func imagesCommand(o *options) *cobra.Command {
	var lweppAsEPP bool
	cmd := &cobra.Command{
		Use:   "images [name...]",
		Short: "Build images and import them into a running cluster (default: gateway)",
		RunE: func(cmd *cobra.Command, args []string) error {
			layout, err := o.layout()
			if err != nil {
				return err
			}
			builder, err := o.builder(progress.New(os.Stdout, time.Now()))
			if err != nil {
				return err
			}
			if len(args) == 0 {
				args = []string{"gateway"}
			}
			images, err := image.ByName(image.Table(image.Options{LWEPPAsEPP: lweppAsEPP}), args)
			if err != nil {
				return err
			}
			return cluster.ImportImages(cmd.Context(), layout, builder, images)
		},
	}
	cmd.Flags().BoolVar(&lweppAsEPP, "lwepp-as-epp", true, "see `up`")
	return cmd
}
