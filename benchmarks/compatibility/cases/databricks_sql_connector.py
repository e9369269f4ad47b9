"""Statements, parameters and Thrift messages."""

from databricks import sql
from databricks.sql.parameters import IntegerParameter
from databricks.sql.thrift_api.TCLIService import ttypes
from databricks.sql.utils import ParamEscaper
from thrift.protocol.TBinaryProtocol import TBinaryProtocol
from thrift.transport.TTransport import TMemoryBuffer

EXPECTED = ["'o\\'clock'", "SELECT 1", "INT", "2.0"]


def use():
    out = TMemoryBuffer()
    ttypes.TExecuteStatementReq(statement="SELECT 1").write(TBinaryProtocol(out))
    request = ttypes.TExecuteStatementReq()
    request.read(TBinaryProtocol(TMemoryBuffer(out.getvalue())))
    parameter = IntegerParameter(7).as_tspark_param(named=False)
    return [ParamEscaper().escape_item("o'clock"), request.statement, parameter.type, sql.apilevel]
