package devchain

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/bittensor-pylon/pylon/internal/scale"
)

func paymentMethods() []method {
	return []method{
		{name: "payment_queryInfo", params: []string{"encoded_xt", "at"}, handle: queryInfo},
		{name: "payment_queryFeeDetails", params: []string{"encoded_xt", "at"}, handle: queryFeeDetails},
	}
}

// payment calls a method of TransactionPaymentApi about an extrinsic.
func (c *invocation) payment(method string) (*scale.Reader, error) {
	extrinsic, err := c.requiredBytes(0)
	if err != nil {
		return nil, err
	}
	at, err := c.hash(1)
	if err != nil {
		return nil, err
	}
	args := scale.AppendUint32(slices.Clone(extrinsic), uint32(len(extrinsic)))
	output, err := c.node.call(at, "TransactionPaymentApi_"+method, args)
	if err != nil {
		return nil, &RPCError{Code: codeRuntimeError, Message: "Unable to query dispatch info.", Data: err.Error()}
	}
	return scale.NewReader(output), nil
}

var dispatchClasses = [...]string{"normal", "operational", "mandatory"}

func queryInfo(c *invocation) (any, error) {
	r, err := c.payment("query_info")
	if err != nil {
		return nil, err
	}
	type weight struct {
		RefTime   uint64 `json:"ref_time"`
		ProofSize uint64 `json:"proof_size"`
	}
	var info struct {
		Weight     weight `json:"weight"`
		Class      string `json:"class"`
		PartialFee string `json:"partialFee"`
	}
	info.Weight = weight{r.Compact(), r.Compact()}
	class := r.Uint8()
	info.PartialFee = strconv.FormatUint(r.Uint64(), 10)
	if err := r.Close(); err != nil || int(class) >= len(dispatchClasses) {
		return nil, &RPCError{Code: codeRuntimeError, Message: "Unable to query dispatch info.", Data: "the runtime's answer cannot be read"}
	}
	info.Class = dispatchClasses[class]
	return info, nil
}

func queryFeeDetails(c *invocation) (any, error) {
	r, err := c.payment("query_fee_details")
	if err != nil {
		return nil, err
	}
	type inclusionFee struct {
		Base   string `json:"baseFee"`
		Length string `json:"lenFee"`
		Weight string `json:"adjustedWeightFee"`
	}
	var details struct {
		InclusionFee *inclusionFee `json:"inclusionFee"`
	}
	number := func() string { return fmt.Sprintf("%#x", r.Uint64()) }
	if r.Option() {
		details.InclusionFee = &inclusionFee{number(), number(), number()}
	}
	r.Uint64() // the tip, which nodes leave out
	if err := r.Close(); err != nil {
		return nil, &RPCError{Code: codeRuntimeError, Message: "Unable to query dispatch info.", Data: err.Error()}
	}
	return details, nil
}
