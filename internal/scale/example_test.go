package scale_test

import (
	"encoding/json"
	"fmt"

	"github.com/bittensor-pylon/pylon/internal/scale"
)

// A Go struct names the fields that it wants; the others are skipped.
func ExampleBind() {
	b := scale.NewBuilder()
	b.Define("AxonInfo", "struct{block: u64, version: u32, ip: u128, port: u16}")
	id, err := b.Type("Vec<AxonInfo>")
	if err != nil {
		panic(err)
	}
	types, err := b.Registry()
	if err != nil {
		panic(err)
	}

	type axon struct {
		Port uint16        `scale:"port"`
		IP   scale.Uint128 `scale:"ip"`
	}
	codec, err := scale.Bind[[]axon](types, id)
	if err != nil {
		panic(err)
	}
	axons, err := codec.Decode([]byte("\x04\x64\x00\x00\x00\x00\x00\x00\x00\xf8\x5f\x89\x00" +
		"\x04\x03\x02\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x9b\x1f"))
	if err != nil {
		panic(err)
	}
	fmt.Printf("%#x %d\n", axons[0].IP.Lo, axons[0].Port)

	type newer struct {
		Protocol uint8 `scale:"protocol"`
	}
	_, err = scale.Bind[[]newer](types, id)
	fmt.Println(err)
	// Output:
	// 0x1020304 8091
	// bind AxonInfo.protocol: no such field, wanted by the Go type scale_test.newer
}

// Values without a Go type keep the order of the chain's fields and every digit of its integers.
func ExampleRegistry_DecodeValue() {
	b := scale.NewBuilder()
	b.Define("Data", "enum{None, Raw4([u8; 4]), Timelocked{round: u64, size: Compact<u128>}}")
	id := b.MustType("(u16, Vec<Data>)")
	types, err := b.Registry()
	if err != nil {
		panic(err)
	}
	v, err := types.DecodeValue(id, []byte("\x0c\x00\x0c\x00\x01data\x02\xe8\x03\x00\x00\x00\x00\x00\x00\x04"))
	if err != nil {
		panic(err)
	}
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	fmt.Println(string(text))
	// Output:
	// [12,["None",{"Raw4":"0x64617461"},{"Timelocked":{"round":1000,"size":1}}]]
}
