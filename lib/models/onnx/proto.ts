import type { Type } from 'protobufjs';

// Message and field numbers of ONNX's own onnx.proto.
const schema = `
syntax = "proto3";
message AttributeProto { string name = 1; string refAttrName = 21; string docString = 13; int32 type = 20; float f = 2; int64 i = 3; bytes s = 4; TensorProto t = 5; GraphProto g = 6; repeated float floats = 7; repeated int64 ints = 8; repeated bytes strings = 9; repeated TensorProto tensors = 10; repeated GraphProto graphs = 11; }
message NodeProto { repeated string input = 1; repeated string output = 2; string name = 3; string opType = 4; string domain = 7; repeated AttributeProto attribute = 5; string docString = 6; }
message TensorProto { repeated int64 dims = 1; int32 dataType = 2; repeated float floatData = 4; repeated int32 int32Data = 5; repeated bytes stringData = 6; repeated int64 int64Data = 7; string name = 8; bytes rawData = 9; repeated double doubleData = 10; repeated uint64 uint64Data = 11; string docString = 12; repeated StringStringEntryProto externalData = 13; int32 dataLocation = 14; }
message StringStringEntryProto { string key = 1; string value = 2; }
message Dimension { int64 dimValue = 1; string dimParam = 2; }
message TensorShapeProto { repeated Dimension dim = 1; }
message TensorType { int32 elemType = 1; TensorShapeProto shape = 2; }
message TypeProto { TensorType tensorType = 1; }
message ValueInfoProto { string name = 1; TypeProto type = 2; string docString = 3; }
message GraphProto { repeated NodeProto node = 1; string name = 2; repeated TensorProto initializer = 5; string docString = 10; repeated ValueInfoProto input = 11; repeated ValueInfoProto output = 12; repeated ValueInfoProto valueInfo = 13; }
message OperatorSetIdProto { string domain = 1; int64 version = 2; }
message ModelProto { int64 irVersion = 1; repeated OperatorSetIdProto opsetImport = 8; string producerName = 2; string producerVersion = 3; string domain = 4; int64 modelVersion = 5; string docString = 6; GraphProto graph = 7; repeated StringStringEntryProto metadataProps = 14; }
`;

export const tensorTypes = { float: 1, int64: 7, half: 10 } as const;
export const attributeTypes = { float: 1, int: 2, text: 3, floats: 6, ints: 7 } as const;

/** The message of a whole ONNX file. */
export async function modelProto(): Promise<Type> {
  // Loaded when it is needed: it takes a tenth of a second.
  const { default: protobuf } = await import('protobufjs');
  return protobuf.parse(schema).root.lookupType('ModelProto');
}
