package cli

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/pflag"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/printers"
)

// outputVersion is the apiVersion of what -o json and yaml print.
const outputVersion = "cli.gateway.kedify.io/v1alpha1"

// output is the flag -o.
type output struct{ format string }

func (o *output) addFlags(flags *pflag.FlagSet) {
	flags.StringVarP(&o.format, "output", "o", "", "wide, json, yaml, jsonpath=..., or go-template=...")
}

// forPeople reports whether no machine reads the output.
func (o *output) forPeople() bool { return o.format == "" || o.format == "wide" }

// print writes items for a machine, under a kind such as "StatusList".
func (o *output) print(out io.Writer, kind string, items any) error {
	printer, err := o.printer()
	if err != nil {
		return err
	}
	text, err := json.Marshal(map[string]any{"apiVersion": outputVersion, "kind": kind, "items": items})
	if err != nil {
		return err
	}
	object := &unstructured.Unstructured{}
	if err := json.Unmarshal(text, &object.Object); err != nil {
		return err
	}
	if object.Object["items"] == nil {
		object.Object["items"] = []any{}
	}
	return printer.PrintObj(object, out)
}

func (o *output) printer() (printers.ResourcePrinter, error) {
	printer, err := (&genericclioptions.JSONYamlPrintFlags{}).ToPrinter(o.format)
	if !genericclioptions.IsNoCompatiblePrinterError(err) {
		return printer, err
	}
	printer, err = genericclioptions.NewKubeTemplatePrintFlags().ToPrinter(o.format)
	if genericclioptions.IsNoCompatiblePrinterError(err) {
		return nil, fmt.Errorf("--output %q is not wide, json, yaml, jsonpath=TEMPLATE or go-template=TEMPLATE", o.format)
	}
	return printer, err
}

// column is one of a table; wide ones are printed with -o wide alone.
type column struct {
	name string
	wide bool
}

// table writes rows for people.
func (o *output) table(out io.Writer, columns []column, rows [][]any) error {
	table := &metav1.Table{}
	for _, each := range columns {
		definition := metav1.TableColumnDefinition{Name: each.name, Type: "string"}
		if each.wide {
			definition.Priority = 1
		}
		table.ColumnDefinitions = append(table.ColumnDefinitions, definition)
	}
	for _, cells := range rows {
		table.Rows = append(table.Rows, metav1.TableRow{Cells: cells})
	}
	return printers.NewTablePrinter(printers.PrintOptions{Wide: o.format == "wide"}).PrintObj(table, out)
}
