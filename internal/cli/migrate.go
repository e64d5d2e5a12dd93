package cli

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/util/yaml"
	sigsyaml "sigs.k8s.io/yaml"

	"github.com/kedify/inference-gateway/controllers/offline"
	"github.com/kedify/inference-gateway/internal/cli/migrate"
)

// migrateCommand makes ScaledObjects of the http-add-on's objects.
func migrateCommand() *cobra.Command {
	var paths []string
	command := &cobra.Command{
		Use:   "migrate -f FILE",
		Short: "Make ScaledObjects of HTTPScaledObjects of KEDA's http-add-on",
		Long: `Make ScaledObjects of HTTPScaledObjects of KEDA's http-add-on, and print them. What
has no counterpart is a comment above the object. Nothing is applied.`,
		Example: "  kubectl get httpscaledobject -A -o yaml | kubectl kedify migrate -f -",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			for _, path := range paths {
				data, err := readFile(path, cmd.InOrStdin())
				if err == nil {
					err = printMigrated(cmd.OutOrStdout(), data)
				}
				if err != nil {
					return fmt.Errorf("%s: %w", path, err)
				}
			}
			return nil
		},
	}
	command.Flags().StringArrayVarP(&paths, "filename", "f", nil, "file with HTTPScaledObjects, - for standard input; may be repeated")
	if err := command.MarkFlagRequired("filename"); err != nil {
		panic(err) // the flag is declared above
	}
	return command
}

func readFile(path string, stdin io.Reader) ([]byte, error) {
	if path == "-" {
		return offline.ReadAll(stdin)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return offline.ReadAll(file)
}

// printMigrated migrates the documents of a file, and the items of lists in it.
func printMigrated(out io.Writer, data []byte) error {
	reader := yaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(data)))
	for {
		document, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		items, err := itemsOf(document)
		if err != nil {
			return err
		}
		for _, item := range items {
			result, err := migrate.Of(item)
			if err != nil {
				return err
			}
			if err := result.Print(out); err != nil {
				return err
			}
		}
	}
}

// itemsOf returns a document, or the items of one that is a list; none of an empty document.
func itemsOf(document []byte) (items [][]byte, err error) {
	var list struct {
		Kind  string           `json:"kind"`
		Items []map[string]any `json:"items"`
	}
	if err := sigsyaml.Unmarshal(document, &list); err != nil {
		return nil, err
	}
	switch {
	case list.Kind == "":
		return nil, nil
	case len(list.Items) == 0:
		return [][]byte{document}, nil
	}
	for _, item := range list.Items {
		text, err := sigsyaml.Marshal(item)
		if err != nil {
			return nil, err
		}
		items = append(items, text)
	}
	return items, nil
}
