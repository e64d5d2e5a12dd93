package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"

	"github.com/kedify/inference-gateway/controllers"
	"github.com/kedify/inference-gateway/scaler/scale"
	"github.com/kedify/inference-gateway/wiring"
)

// unwireCommand makes foreign objects as they were before autowiring. Nothing else of the product has
// to run. The exit status is not zero when something is left.
func unwireCommand() *cobra.Command {
	unwiring := wiring.Unwiring{}
	var stop string
	command := &cobra.Command{
		Use:   "unwire",
		Short: "Restore every object that autowiring changed, then delete the wired Services",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			config, err := ctrl.GetConfig()
			if err != nil {
				return fmt.Errorf("find a cluster: %w", err)
			}
			if err := connect(&unwiring, config, stop); err != nil {
				return err
			}
			unwiring.Log, unwiring.Out = ctrl.Log.WithName("unwire"), cmd.OutOrStdout()
			return unwiring.Run(cmd.Context())
		},
	}
	flags := command.Flags()
	flags.StringVar(&unwiring.Namespace, "namespace", "", "restore the objects of one namespace alone")
	flags.StringVar(&stop, "stop", "", "namespace/name of the Deployment of the wiring, which is scaled to zero first")
	flags.DurationVar(&unwiring.Follow, "follow", 10*time.Second,
		"time for the controllers of restored objects, before wired Services are deleted")
	flags.DurationVar(&unwiring.Timeout, "timeout", time.Minute, "time to wait for objects that still lead to wired Services")
	return command
}

// connect gives an Unwiring its clients.
func connect(unwiring *wiring.Unwiring, config *rest.Config, stop string) error {
	if stop != "" {
		namespace, name, found := strings.Cut(stop, "/")
		if !found {
			return fmt.Errorf("--stop is %q: use namespace/name", stop)
		}
		unwiring.Stop = types.NamespacedName{Namespace: namespace, Name: name}
	}
	config.QPS = -1
	http, err := rest.HTTPClientFor(config)
	if err != nil {
		return fmt.Errorf("make a client: %w", err)
	}
	if unwiring.Mapper, err = apiutil.NewDynamicRESTMapper(config, http); err != nil {
		return fmt.Errorf("ask for the kinds of the cluster: %w", err)
	}
	if unwiring.Client, err = client.New(config, client.Options{Scheme: controllers.NewScheme(), Mapper: unwiring.Mapper}); err != nil {
		return fmt.Errorf("make a client: %w", err)
	}
	unwiring.Clock = clock.RealClock{}
	unwiring.Scales, err = scale.New(config, unwiring.Mapper)
	return err
}
