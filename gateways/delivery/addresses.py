"""Addresses behind roles: `PRIMARY=a@b.example,OWNER=c@d.example`."""

from collections.abc import Mapping

from gateways.delivery.port import ROLES, DeliveryRefusedError
from infra.errors import RequestError


def parse_addresses(setting: str, text: str) -> dict[str, str]:
    """Role to address. Raises RequestError `SETTINGS_INVALID`; it names the setting, never its value."""
    found: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        role, equals, address = (word.strip() for word in part.partition("="))
        if not equals or role.upper() not in ROLES or not address:
            raise RequestError(
                "SETTINGS_INVALID",
                f"Bad setting: {setting} is no list of ROLE=address.",
                f"Roles are {', '.join(ROLES)}, separated by commas; PRIMARY must be among them.",
            )
        found[role.upper()] = address
    if "PRIMARY" not in found:
        raise RequestError(
            "SETTINGS_INVALID", f"Bad setting: {setting} has no PRIMARY.", "Who else has no address is served by it."
        )
    return found


def address_of(addresses: Mapping[str, str], role: str) -> str:
    """The role's address, or the PRIMARY's. Raises DeliveryRefusedError for what is no role."""
    if role not in ROLES:
        raise DeliveryRefusedError("UNKNOWN_ROLE", f"there is no role {role}")
    return addresses.get(role) or addresses["PRIMARY"]
