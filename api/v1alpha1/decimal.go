package v1alpha1

import "strconv"

// Decimal is a number of at least zero as text, such as "0.7": up to nine digits before the point and six after it. The API
// conventions of Kubernetes have no floats, which not every client writes as it read them.
//
// +kubebuilder:validation:MaxLength=16
// +kubebuilder:validation:Pattern=`^[0-9]{1,9}(\.[0-9]{1,6})?$`
type Decimal string

// Float returns the number; 0 for text that is none, which the API server refuses.
func (d Decimal) Float() float64 {
	number, err := strconv.ParseFloat(string(d), 64)
	if err != nil {
		return 0
	}
	return number
}
