// Package controllers has what the control plane and the programs around it agree on.
//
// Job: the options of the controller, with the names and addresses that follow from them, and the
// scheme of the kinds that the product reads or writes. Package controllers/plane builds the
// control plane from the options and the scheme. Inputs: flags. Outputs: values. Ownership: no state.
package controllers
