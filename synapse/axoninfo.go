package synapse

import (
	"encoding/json"
	"strconv"
)

// AxonInfo is where a neuron can be reached, as the chain announces it.
type AxonInfo struct {
	// Version is the version of the neuron's software, see VersionAsInt.
	Version int `json:"version"`
	// IP is an address of IPv4 or IPv6. A neuron that never served has 0.0.0.0.
	IP   string `json:"ip"`
	Port int    `json:"port"`
	// IPType is 4 or 6, or 0 for a neuron that never served.
	IPType  int    `json:"ip_type"`
	Hotkey  string `json:"hotkey"`
	Coldkey string `json:"coldkey"`
	// Protocol is 4 for every axon of the Python SDK.
	Protocol     int `json:"protocol"`
	Placeholder1 int `json:"placeholder1"`
	Placeholder2 int `json:"placeholder2"`
}

// IsServing tells whether the neuron announced an address.
func (a AxonInfo) IsServing() bool { return a.IP != "0.0.0.0" && a.IP != "" }

// IPString is the address as the SDK prints it: /ipv4/1.2.3.4:8091.
func (a AxonInfo) IPString() string {
	return "/ipv" + strconv.Itoa(a.IPType) + "/" + a.IP + ":" + strconv.Itoa(a.Port)
}

// String is AxonInfo( /ipv4/1.2.3.4:8091, hotkey, coldkey, version ).
func (a AxonInfo) String() string {
	return "AxonInfo( " + a.IPString() + ", " + a.Hotkey + ", " + a.Coldkey + ", " + strconv.Itoa(a.Version) + " )"
}

// ToString is the JSON that the SDK writes, which AxonInfoFromString reads.
func (a AxonInfo) ToString() string {
	w := writer{style: styleRequest, dst: []byte{'{'}}
	w.name("version").integer(int64(a.Version))
	w.name("ip").str(a.IP)
	w.name("port").integer(int64(a.Port))
	w.name("ip_type").integer(int64(a.IPType))
	w.name("hotkey").str(a.Hotkey)
	w.name("coldkey").str(a.Coldkey)
	w.name("protocol").integer(int64(a.Protocol))
	w.name("placeholder1").integer(int64(a.Placeholder1))
	w.name("placeholder2").integer(int64(a.Placeholder2))
	return string(append(w.dst, '}'))
}

// AxonInfoFromString reads what ToString writes.
func AxonInfoFromString(text string) (AxonInfo, error) {
	a := AxonInfo{Protocol: 4}
	err := json.Unmarshal([]byte(text), &a)
	if err != nil {
		return AxonInfo{}, err
	}
	return a, nil
}
